package embedded

import "k8s.io/component-base/version"

// Version is the Kubernetes version, with a suffix that says what this is.
func Version() string { return version.Get().GitVersion }
