package chart

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// Names that other parts of OpenShell and older data volumes rely on.
// Secrets and namespaces are not among them: openshell-init makes those.
func TestObjects(t *testing.T) {
	got := slices.Sorted(maps.Keys(decode(t, render(t, "values/generation-a.yaml", nil))))
	want := []string{
		"ClusterRole/openshell-node-reader",
		"ClusterRoleBinding/openshell-node-reader",
		"NetworkPolicy/openshell-sandbox-ssh",
		"Role/openshell-sandbox",
		"RoleBinding/openshell-sandbox",
		"Service/openshell",
		"ServiceAccount/openshell",
		"StatefulSet/openshell",
	}
	if !slices.Equal(got, want) {
		t.Errorf("rendered objects:\n got %q\nwant %q", got, want)
	}
}

// What Kubernetes refuses to change in a StatefulSet that exists. A difference
// here makes every upgrade of an existing volume fail.
func TestImmutableFields(t *testing.T) {
	for _, name := range []string{"generation-a", "generation-b", "plaintext"} {
		t.Run(name, func(t *testing.T) {
			spec := object[*appsv1.StatefulSet](t, decode(t, render(t, "values/"+name+".yaml", nil))).Spec
			if spec.ServiceName != "openshell" {
				t.Errorf("serviceName is %q", spec.ServiceName)
			}
			if spec.PodManagementPolicy != "" {
				t.Errorf("podManagementPolicy is %q, not the default", spec.PodManagementPolicy)
			}
			wantLabels := map[string]string{
				"app.kubernetes.io/name":     "openshell",
				"app.kubernetes.io/instance": "openshell",
			}
			if !maps.Equal(spec.Selector.MatchLabels, wantLabels) || spec.Selector.MatchExpressions != nil {
				t.Errorf("selector is %v", spec.Selector)
			}
			if len(spec.VolumeClaimTemplates) != 1 {
				t.Fatalf("%d volume claim templates, not one", len(spec.VolumeClaimTemplates))
			}
			var want corev1.PersistentVolumeClaim
			want.Name = "openshell-data"
			want.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}
			want.Spec.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}
			if claim := spec.VolumeClaimTemplates[0]; !reflect.DeepEqual(claim, want) {
				t.Errorf("volume claim template is %v, not %v", claim, want)
			}
		})
	}
}

// All selectors find exactly the pods that the StatefulSet makes.
func TestSelectorsAgree(t *testing.T) {
	forEachCase(t, func(t *testing.T, _, values string) {
		all := decode(t, render(t, values, nil))
		spec := object[*appsv1.StatefulSet](t, all).Spec
		want := spec.Selector.MatchLabels
		for key, value := range want {
			if spec.Template.Labels[key] != value {
				t.Errorf("the pod has %s=%q, its selector wants %q", key, spec.Template.Labels[key], value)
			}
		}
		if got := object[*corev1.Service](t, all).Spec.Selector; !maps.Equal(got, want) {
			t.Errorf("the Service selects %v, the StatefulSet %v", got, want)
		}
		for _, candidate := range all {
			policy, ok := candidate.(*networkingv1.NetworkPolicy)
			if !ok {
				continue
			}
			if got := policy.Spec.Ingress[0].From[0].PodSelector.MatchLabels; !maps.Equal(got, want) {
				t.Errorf("the NetworkPolicy admits %v, the StatefulSet has %v", got, want)
			}
		}
	})
}

// Versions on the pod would restart it for a change that it cannot see.
func TestPodHasNoVersionLabels(t *testing.T) {
	template := object[*appsv1.StatefulSet](t, decode(t, render(t, "values/generation-b.yaml", nil))).Spec.Template
	for _, label := range []string{"helm.sh/chart", "app.kubernetes.io/version"} {
		if value, ok := template.Labels[label]; ok {
			t.Errorf("the pod has label %s=%s", label, value)
		}
	}
	for key, value := range map[string]string{"server-tls": "2c26b46b", "client-ca": "fcde2b2e", "ssh-handshake": "baa5a096"} {
		if got := template.Annotations["checksum/"+key]; len(got) != 64 || got[:8] != value {
			t.Errorf("annotation checksum/%s is %q", key, got)
		}
	}
}

// Each permission that the server uses, and no other.
func TestPermissions(t *testing.T) {
	all := decode(t, render(t, "values/generation-a.yaml", nil))
	rules := slices.Concat(object[*rbacv1.Role](t, all).Rules, object[*rbacv1.ClusterRole](t, all).Rules)
	got := map[string][]string{}
	for _, rule := range rules {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				got[group+"/"+resource] = slices.Sorted(slices.Values(rule.Verbs))
			}
		}
	}
	full := []string{"create", "delete", "get", "list", "patch", "update", "watch"}
	read := []string{"get", "list", "watch"}
	want := map[string][]string{
		"agents.x-k8s.io/sandboxes":            full,
		"agents.x-k8s.io/sandboxes/status":     full,
		"agents.x-k8s.io/sandboxes/finalizers": {"update"},
		"/events":                              read,
		"/pods":                                read,
		"/nodes":                               read,
		"node.k8s.io/runtimeclasses":           {"get", "list"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("permissions:\n got %v\nwant %v", got, want)
	}
}
