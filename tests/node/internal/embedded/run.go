// Package embedded runs the upstream programs that are linked into the binary.
//
// The components can't share one process (each installs its own signal
// handler, logging and feature gates), so `k3s server` runs each as a child
// `k3s component NAME`.
package embedded

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	kubeproxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"

	"openshell.ai/tests/node/internal/components"
)

// RunComponent runs a Kubernetes component until it ends and returns the exit
// code of the process.
func RunComponent(name string, args []string) (int, error) {
	command, err := component(name)
	if err != nil {
		return 1, err
	}
	command.SetArgs(args)
	return cli.Run(command), nil
}

func component(name string) (*cobra.Command, error) {
	switch name {
	case components.APIServer:
		return apiserver.NewAPIServerCommand(), nil
	case components.ControllerManager:
		return controllermanager.NewControllerManagerCommand(), nil
	case components.Scheduler:
		return scheduler.NewSchedulerCommand(), nil
	case components.Kubelet:
		return kubelet.NewKubeletCommand(context.Background()), nil
	case components.KubeProxy:
		return kubeproxy.NewProxyCommand(), nil
	}
	return nil, fmt.Errorf("no component is called %q", name)
}

// RunKubectl runs kubectl with the arguments of the process. Failures end the
// process with kubectl's own message and exit code.
func RunKubectl() {
	if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
		kubectlutil.CheckErr(err)
	}
}
