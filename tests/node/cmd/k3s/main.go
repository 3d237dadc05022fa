// Command k3s is a stand-in for k3s on machines that can reach no container
// registry: a test fixture, made of upstream Kubernetes. See the README.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/sirupsen/logrus"

	"openshell.ai/tests/node/internal/components"
	"openshell.ai/tests/node/internal/containerd"
	"openshell.ai/tests/node/internal/embedded"
	"openshell.ai/tests/node/internal/flags"
	"openshell.ai/tests/node/internal/images"
	"openshell.ai/tests/node/internal/process"
	"openshell.ai/tests/node/internal/server"
)

const usage = `k3s: a k3s-compatible node for tests

  k3s server [flags]            run a node (k3s server --help)
  k3s kubectl [arguments]       kubectl with the node's kubeconfig
  k3s ctr [arguments]           containerd's client, namespace k8s.io
  k3s component NAME [flags]    run one Kubernetes component
  k3s --version
`

func main() {
	args := os.Args[1:]
	if name := filepath.Base(os.Args[0]); name == "kubectl" || name == "ctr" {
		args = append([]string{name}, args...)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	code, err := run(args[0], args[1:])
	if err != nil {
		logrus.Error(err)
		code = max(code, 1)
	}
	os.Exit(code)
}

func run(command string, args []string) (int, error) {
	switch command {
	case "server":
		return runServer(args)
	case "kubectl":
		return 0, runKubectl(args)
	case "ctr":
		return 1, execCtr(args)
	case "component":
		if len(args) == 0 {
			return 1, errors.New("k3s component: a name is missing, such as " + components.Kubelet)
		}
		return embedded.RunComponent(args[0], args[1:])
	case "--version", "-v":
		_, err := fmt.Printf("k3s version %s\ngo version %s\n", embedded.Version(), runtime.Version())
		return 0, err
	case "--help", "-h", "help":
		_, err := fmt.Print(usage)
		return 0, err
	}
	return 1, fmt.Errorf("unknown command %q; the test node knows server, kubectl, ctr and component", command)
}

func runServer(args []string) (int, error) {
	if process.IsFirst() {
		return process.RunAsChild()
	}
	hostname, err := os.Hostname()
	if err != nil {
		return 1, fmt.Errorf("read the host name: %w", err)
	}
	options, err := flags.ParseServer(args, hostname, os.Stderr)
	if errors.Is(err, flags.ErrHelp) {
		return 0, nil
	}
	if err != nil {
		return 1, err
	}
	return 0, server.Run(process.Context(), options, embedded.Version())
}

func runKubectl(args []string) error {
	if os.Getenv("KUBECONFIG") == "" {
		if err := os.Setenv("KUBECONFIG", server.Kubeconfig); err != nil {
			return err
		}
	}
	os.Args = append([]string{"kubectl"}, args...)
	embedded.RunKubectl()
	return nil
}

// execCtr becomes containerd's ctr. Environment variables that are set win, as
// ctr itself has it.
func execCtr(args []string) error {
	for name, value := range map[string]string{
		"CONTAINERD_ADDRESS":   containerd.Socket,
		"CONTAINERD_NAMESPACE": containerd.Namespace,
	} {
		if os.Getenv(name) == "" {
			if err := os.Setenv(name, value); err != nil {
				return err
			}
		}
	}
	err := syscall.Exec(images.Ctr, append([]string{"ctr"}, args...), os.Environ())
	return fmt.Errorf("run %s: %w", images.Ctr, err)
}
