// Package localpath provisions volumes as directories of the node. It stands
// in for rancher/local-path-provisioner with the settings that k3s gives it
// (manifests/local-storage.yaml), without its helper pods, whose image a
// machine without a registry doesn't have.
package localpath

import (
	"path/filepath"
	"strings"

	core "k8s.io/api/core/v1"
	storage "k8s.io/api/storage/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Provisioner is the name in the StorageClass.
const Provisioner = "rancher.io/local-path"

// Annotations of Kubernetes and of the original.
const (
	provisionerAnnotation   = "volume.kubernetes.io/storage-provisioner"
	selectedNodeAnnotation  = "volume.kubernetes.io/selected-node"
	provisionedByAnnotation = "pv.kubernetes.io/provisioned-by"
	volumeNodeAnnotation    = "local.path.provisioner/selected-node"
	defaultTypeAnnotation   = "defaultVolumeType"
	volumeTypeAnnotation    = "volumeType"
	defaultClassAnnotation  = "storageclass.kubernetes.io/is-default-class"
)

// Class is the StorageClass that k3s makes.
func Class() *storage.StorageClass {
	reclaim, binding := core.PersistentVolumeReclaimDelete, storage.VolumeBindingWaitForFirstConsumer
	return &storage.StorageClass{
		ObjectMeta: meta.ObjectMeta{
			Name:        "local-path",
			Annotations: map[string]string{defaultTypeAnnotation: "local", defaultClassAnnotation: "true"},
		},
		Provisioner:       Provisioner,
		ReclaimPolicy:     &reclaim,
		VolumeBindingMode: &binding,
	}
}

// verdict is what to do with a claim, and why.
type verdict struct {
	provision bool
	reason    string
}

// decideClaim decides whether a claim gets a volume from this node. A nil class
// is one that doesn't exist.
func decideClaim(claim *core.PersistentVolumeClaim, class *storage.StorageClass, node string) verdict {
	no := func(reason string) verdict { return verdict{false, reason} }
	switch {
	case claim.DeletionTimestamp != nil:
		return no("it is being deleted")
	case claim.Spec.VolumeName != "":
		return no("it is bound")
	case class == nil:
		return no("its StorageClass doesn't exist")
	case class.Provisioner != Provisioner:
		return no("another provisioner serves it")
	case claim.Annotations[provisionerAnnotation] != Provisioner:
		return no("the volume controller hasn't asked yet")
	case claim.Spec.Selector != nil:
		return no("a selector can't be met by a volume that is yet to be made")
	case claim.Spec.VolumeMode != nil && *claim.Spec.VolumeMode == core.PersistentVolumeBlock:
		return no("block volumes are not supported")
	}
	waits := class.VolumeBindingMode != nil && *class.VolumeBindingMode == storage.VolumeBindingWaitForFirstConsumer
	switch selected := claim.Annotations[selectedNodeAnnotation]; {
	case selected == "" && waits:
		return no("no node has been selected yet")
	case selected != "" && selected != node:
		return no("node " + selected + " was selected")
	}
	return verdict{true, "node " + node + " was selected"}
}

// decideVolume decides whether a volume's directory and the volume go.
func decideVolume(volume *core.PersistentVolume, root string) bool {
	path := directory(volume)
	return volume.DeletionTimestamp == nil &&
		volume.Annotations[provisionedByAnnotation] == Provisioner &&
		volume.Status.Phase == core.VolumeReleased &&
		volume.Spec.PersistentVolumeReclaimPolicy == core.PersistentVolumeReclaimDelete &&
		filepath.Dir(path) == root // never remove what lies elsewhere
}

// directory returns the path of a volume that this package made, or "".
func directory(volume *core.PersistentVolume) string {
	switch source := volume.Spec.PersistentVolumeSource; {
	case source.Local != nil:
		return filepath.Clean(source.Local.Path)
	case source.HostPath != nil:
		return filepath.Clean(source.HostPath.Path)
	}
	return ""
}

// newVolume describes the volume of a claim: a directory under root that only
// the node with that host name label has.
func newVolume(claim *core.PersistentVolumeClaim, class *storage.StorageClass, node, hostname, root string) *core.PersistentVolume {
	name := "pvc-" + string(claim.UID)
	path := filepath.Join(root, strings.Join([]string{name, claim.Namespace, claim.Name}, "_"))
	mode := core.PersistentVolumeFilesystem
	reclaim := core.PersistentVolumeReclaimDelete
	if class.ReclaimPolicy != nil {
		reclaim = *class.ReclaimPolicy
	}
	return &core.PersistentVolume{
		ObjectMeta: meta.ObjectMeta{
			Name:        name,
			Annotations: map[string]string{provisionedByAnnotation: Provisioner, volumeNodeAnnotation: node},
		},
		Spec: core.PersistentVolumeSpec{
			PersistentVolumeReclaimPolicy: reclaim,
			AccessModes:                   claim.Spec.AccessModes,
			VolumeMode:                    &mode,
			StorageClassName:              class.Name,
			Capacity:                      core.ResourceList{core.ResourceStorage: claim.Spec.Resources.Requests[core.ResourceStorage]},
			PersistentVolumeSource:        source(claim, class, path),
			ClaimRef: &core.ObjectReference{
				Kind: "PersistentVolumeClaim", APIVersion: "v1",
				Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID, ResourceVersion: claim.ResourceVersion,
			},
			NodeAffinity: &core.VolumeNodeAffinity{Required: &core.NodeSelector{NodeSelectorTerms: []core.NodeSelectorTerm{{
				MatchExpressions: []core.NodeSelectorRequirement{{
					Key: core.LabelHostname, Operator: core.NodeSelectorOpIn, Values: []string{hostname},
				}},
			}}}},
		},
	}
}

func source(claim *core.PersistentVolumeClaim, class *storage.StorageClass, path string) core.PersistentVolumeSource {
	kind := claim.Annotations[volumeTypeAnnotation]
	if kind == "" {
		kind = class.Annotations[defaultTypeAnnotation]
	}
	if kind == "local" {
		return core.PersistentVolumeSource{Local: &core.LocalVolumeSource{Path: path}}
	}
	create := core.HostPathDirectoryOrCreate
	return core.PersistentVolumeSource{HostPath: &core.HostPathVolumeSource{Path: path, Type: &create}}
}
