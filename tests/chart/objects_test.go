package chart

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
)

// objects are the rendered objects by "Kind/name".
type objects map[string]runtime.Object

// decoder refuses unknown and doubled fields and values of a wrong type, as an
// API server does with fieldValidation=Strict. It knows only the chart's kinds.
var decoder = func() runtime.Decoder {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		appsv1.AddToScheme, corev1.AddToScheme, networkingv1.AddToScheme, rbacv1.AddToScheme,
	} {
		utilruntime.Must(add(scheme))
	}
	return serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
}()

// decode parses a render. An object that does not decode, or comes twice, ends the test.
func decode(t *testing.T, rendered string) objects {
	t.Helper()
	result := objects{}
	for _, document := range strings.Split("\n"+rendered, "\n---\n") {
		if strings.TrimSpace(document) == "" {
			continue
		}
		object, kind, err := decoder.Decode([]byte(document), nil, nil)
		if err != nil {
			t.Fatalf("an API server would refuse this object: %v\n%s", err, document)
		}
		key := kind.Kind + "/" + object.(interface{ GetName() string }).GetName()
		if result[key] != nil {
			t.Fatalf("%s is rendered twice", key)
		}
		result[key] = object
	}
	return result
}

// object returns the only object of type T.
func object[T runtime.Object](t *testing.T, all objects) T {
	t.Helper()
	var found []T
	for _, candidate := range all {
		if typed, ok := candidate.(T); ok {
			found = append(found, typed)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d objects of type %T rendered, not one", len(found), *new(T))
	}
	return found[0]
}

// server returns the StatefulSet's only container.
func server(t *testing.T, all objects) corev1.Container {
	t.Helper()
	containers := object[*appsv1.StatefulSet](t, all).Spec.Template.Spec.Containers
	if len(containers) != 1 {
		t.Fatalf("%d containers, not one", len(containers))
	}
	return containers[0]
}
