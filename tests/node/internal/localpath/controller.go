package localpath

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sirupsen/logrus"
	core "k8s.io/api/core/v1"
	storage "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	storagelisters "k8s.io/client-go/listers/storage/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

// Controller makes and removes the volumes of one node.
type Controller struct {
	client  kubernetes.Interface
	node    string
	root    string
	claims  corelisters.PersistentVolumeClaimLister
	volumes corelisters.PersistentVolumeLister
	classes storagelisters.StorageClassLister
	queue   workqueue.TypedRateLimitingInterface[item]
	synced  []cache.InformerSynced
}

// item is a claim, or a volume where the namespace is empty.
type item struct{ namespace, name string }

// New returns a controller for a node whose volumes are directories of root.
// It registers with the informers, which have to be started after that.
func New(client kubernetes.Interface, factory informers.SharedInformerFactory, node, root string) (*Controller, error) {
	claims := factory.Core().V1().PersistentVolumeClaims()
	volumes := factory.Core().V1().PersistentVolumes()
	classes := factory.Storage().V1().StorageClasses()
	c := &Controller{
		client: client, node: node, root: filepath.Clean(root),
		claims: claims.Lister(), volumes: volumes.Lister(), classes: classes.Lister(),
		queue: workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[item]()),
	}
	enqueue := func(object any) {
		if m, ok := object.(meta.Object); ok {
			c.queue.Add(item{m.GetNamespace(), m.GetName()})
		}
	}
	handler := cache.ResourceEventHandlerFuncs{
		AddFunc:    enqueue,
		UpdateFunc: func(_, object any) { enqueue(object) },
	}
	for _, informer := range []cache.SharedIndexInformer{claims.Informer(), volumes.Informer(), classes.Informer()} {
		if informer != classes.Informer() {
			if _, err := informer.AddEventHandler(handler); err != nil {
				return nil, fmt.Errorf("watch volumes: %w", err)
			}
		}
		c.synced = append(c.synced, informer.HasSynced)
	}
	return c, nil
}

// EnsureClass makes the StorageClass where there is none. One that exists is
// left as it is.
func EnsureClass(ctx context.Context, client kubernetes.Interface) error {
	_, err := client.StorageV1().StorageClasses().Create(ctx, Class(), meta.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create StorageClass local-path: %w", err)
	}
	return nil
}

// Run works until ctx ends.
func (c *Controller) Run(ctx context.Context) {
	go func() {
		<-ctx.Done()
		c.queue.ShutDown()
	}()
	if !cache.WaitForCacheSync(ctx.Done(), c.synced...) {
		return
	}
	for {
		next, shutdown := c.queue.Get()
		if shutdown {
			return
		}
		if err := c.sync(ctx, next); err != nil {
			logrus.Errorf("local-path: %v, trying again", err)
			c.queue.AddRateLimited(next)
		} else {
			c.queue.Forget(next)
		}
		c.queue.Done(next)
	}
}

func (c *Controller) sync(ctx context.Context, next item) error {
	if next.namespace == "" {
		volume, err := c.volumes.Get(next.name)
		if err != nil || !decideVolume(volume, c.root) {
			return ignoreNotFound(err)
		}
		return c.remove(ctx, volume)
	}
	claim, err := c.claims.PersistentVolumeClaims(next.namespace).Get(next.name)
	if err != nil {
		return ignoreNotFound(err)
	}
	class, err := c.class(claim)
	if err != nil {
		return err
	}
	decision := decideClaim(claim, class, c.node)
	logrus.Debugf("local-path: claim %s/%s: %+v", claim.Namespace, claim.Name, decision)
	if !decision.provision {
		return nil
	}
	return c.provision(ctx, claim, class)
}

func (c *Controller) class(claim *core.PersistentVolumeClaim) (*storage.StorageClass, error) {
	if claim.Spec.StorageClassName == nil || *claim.Spec.StorageClassName == "" {
		return nil, nil
	}
	class, err := c.classes.Get(*claim.Spec.StorageClassName)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return class, err
}

func (c *Controller) provision(ctx context.Context, claim *core.PersistentVolumeClaim, class *storage.StorageClass) error {
	node, err := c.client.CoreV1().Nodes().Get(ctx, c.node, meta.GetOptions{})
	if err != nil {
		return fmt.Errorf("volume for claim %s/%s: read node: %w", claim.Namespace, claim.Name, err)
	}
	volume := newVolume(claim, class, c.node, node.Labels[core.LabelHostname], c.root)
	if err := c.makeDirectory(directory(volume)); err != nil {
		return fmt.Errorf("volume %s: %w", volume.Name, err)
	}
	_, err = c.client.CoreV1().PersistentVolumes().Create(ctx, volume, meta.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil // made before, the volume controller will bind it
	}
	if err != nil {
		return fmt.Errorf("create volume %s: %w", volume.Name, err)
	}
	logrus.Infof("local-path: provisioned volume %s for claim %s/%s", volume.Name, claim.Namespace, claim.Name)
	return nil
}

// makeDirectory has the modes of k3s's setup script.
func (c *Controller) makeDirectory(path string) error {
	if err := os.MkdirAll(path, 0o777); err != nil {
		return err
	}
	if err := os.Chmod(path, 0o777); err != nil { // MkdirAll obeys the umask
		return err
	}
	return os.Chmod(c.root, 0o700)
}

func (c *Controller) remove(ctx context.Context, volume *core.PersistentVolume) error {
	if err := os.RemoveAll(directory(volume)); err != nil {
		return fmt.Errorf("remove the directory of volume %s: %w", volume.Name, err)
	}
	options := meta.DeleteOptions{Preconditions: &meta.Preconditions{UID: &volume.UID}}
	if err := c.client.CoreV1().PersistentVolumes().Delete(ctx, volume.Name, options); err != nil {
		return ignoreNotFound(err)
	}
	logrus.Infof("local-path: removed volume %s and its directory", volume.Name)
	return nil
}

func ignoreNotFound(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
