package localpath

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	storage "k8s.io/api/storage/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
)

func claim() *core.PersistentVolumeClaim {
	class := "local-path"
	return &core.PersistentVolumeClaim{
		ObjectMeta: meta.ObjectMeta{Namespace: "ns", Name: "data", UID: "u1", Annotations: map[string]string{
			provisionerAnnotation: Provisioner, selectedNodeAnnotation: "n1",
		}},
		Spec: core.PersistentVolumeClaimSpec{StorageClassName: &class, AccessModes: []core.PersistentVolumeAccessMode{core.ReadWriteOnce}},
	}
}

func TestDecideClaim(t *testing.T) {
	now, block := meta.Now(), core.PersistentVolumeBlock
	immediate := storage.VolumeBindingImmediate
	for _, test := range []struct {
		what   string
		change func(*core.PersistentVolumeClaim, *storage.StorageClass)
		want   bool
	}{
		{"selected here", func(*core.PersistentVolumeClaim, *storage.StorageClass) {}, true},
		{"bound", func(c *core.PersistentVolumeClaim, _ *storage.StorageClass) { c.Spec.VolumeName = "v" }, false},
		{"being deleted", func(c *core.PersistentVolumeClaim, _ *storage.StorageClass) { c.DeletionTimestamp = &now }, false},
		{"not asked", func(c *core.PersistentVolumeClaim, _ *storage.StorageClass) {
			delete(c.Annotations, provisionerAnnotation)
		}, false},
		{"no node yet", func(c *core.PersistentVolumeClaim, _ *storage.StorageClass) {
			delete(c.Annotations, selectedNodeAnnotation)
		}, false},
		{"no node needed", func(c *core.PersistentVolumeClaim, s *storage.StorageClass) {
			delete(c.Annotations, selectedNodeAnnotation)
			s.VolumeBindingMode = &immediate
		}, true},
		{"other node", func(c *core.PersistentVolumeClaim, _ *storage.StorageClass) {
			c.Annotations[selectedNodeAnnotation] = "n2"
		}, false},
		{"other provisioner", func(_ *core.PersistentVolumeClaim, s *storage.StorageClass) { s.Provisioner = "x" }, false},
		{"block", func(c *core.PersistentVolumeClaim, _ *storage.StorageClass) { c.Spec.VolumeMode = &block }, false},
		{"selector", func(c *core.PersistentVolumeClaim, _ *storage.StorageClass) { c.Spec.Selector = &meta.LabelSelector{} }, false},
	} {
		c, s := claim(), Class()
		test.change(c, s)
		if got := decideClaim(c, s, "n1"); got.provision != test.want || got.reason == "" {
			t.Errorf("%s: %+v", test.what, got)
		}
	}
	if decideClaim(claim(), nil, "n1").provision {
		t.Error("no class")
	}
}

func TestVolumeKind(t *testing.T) {
	v := newVolume(claim(), Class(), "n1", "host1", "/s")
	if v.Spec.Local == nil || v.Spec.Local.Path != "/s/pvc-u1_ns_data" || v.Name != "pvc-u1" {
		t.Errorf("%+v", v.Spec)
	}
	affinity := v.Spec.NodeAffinity.Required.NodeSelectorTerms[0].MatchExpressions[0]
	if affinity.Key != "kubernetes.io/hostname" || affinity.Values[0] != "host1" {
		t.Errorf("%+v", affinity)
	}
	c := claim()
	c.Annotations[volumeTypeAnnotation] = "hostPath"
	if v := newVolume(c, Class(), "n1", "n1", "/s"); v.Spec.HostPath == nil || *v.Spec.HostPath.Type != core.HostPathDirectoryOrCreate {
		t.Errorf("%+v", v.Spec)
	}
}

func TestDecideVolume(t *testing.T) {
	released := func() *core.PersistentVolume {
		v := newVolume(claim(), Class(), "n1", "n1", "/s")
		v.Status.Phase = core.VolumeReleased
		return v
	}
	if !decideVolume(released(), "/s") {
		t.Error("a released volume stays")
	}
	for what, change := range map[string]func(*core.PersistentVolume){
		"bound": func(v *core.PersistentVolume) { v.Status.Phase = core.VolumeBound },
		"retained": func(v *core.PersistentVolume) {
			v.Spec.PersistentVolumeReclaimPolicy = core.PersistentVolumeReclaimRetain
		},
		"foreign":   func(v *core.PersistentVolume) { v.Annotations = nil },
		"elsewhere": func(v *core.PersistentVolume) { v.Spec.Local.Path = "/s/../etc" },
		"root":      func(v *core.PersistentVolume) { v.Spec.Local.Path = "/s" },
	} {
		v := released()
		change(v)
		if decideVolume(v, "/s") {
			t.Errorf("%s: would be removed", what)
		}
	}
}

func TestLifeOfAVolume(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	root := filepath.Join(t.TempDir(), "storage")
	node := &core.Node{ObjectMeta: meta.ObjectMeta{Name: "n1", Labels: map[string]string{core.LabelHostname: "n1"}}}
	client := fake.NewClientset(node, Class(), claim())
	factory := informers.NewSharedInformerFactory(client, 0)
	controller, err := New(client, factory, "n1", root)
	if err != nil {
		t.Fatal(err)
	}
	factory.Start(ctx.Done())
	go controller.Run(ctx)

	volumes := client.CoreV1().PersistentVolumes()
	var volume *core.PersistentVolume
	eventually(t, "the volume exists", func() bool {
		volume, err = volumes.Get(ctx, "pvc-u1", meta.GetOptions{})
		return err == nil
	})
	path := filepath.Join(root, "pvc-u1_ns_data")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o777 {
		t.Fatalf("%v, %v", info, err)
	}
	volume.Status.Phase = core.VolumeReleased
	if _, err := volumes.UpdateStatus(ctx, volume, meta.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "volume and directory are gone", func() bool {
		_, getErr := volumes.Get(ctx, "pvc-u1", meta.GetOptions{})
		_, statErr := os.Stat(path)
		return getErr != nil && os.IsNotExist(statErr)
	})
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if condition() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}
