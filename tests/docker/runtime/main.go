// Command oci-runtime runs runc with the capabilities that this machine can
// grant.
//
// A privileged container asks for every capability that the kernel knows. Where
// the machine itself is a sandbox, some are missing from the bounding set and
// runc refuses to start the container. This program removes exactly the missing
// ones from the OCI specification that it is handed, then becomes runc.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

const procStatus = "/proc/self/status"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "oci-runtime:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if target, ok := specFile(args); ok {
		status, err := os.ReadFile(procStatus)
		if err != nil {
			return fmt.Errorf("read the bounding set: %w", err)
		}
		missing, err := missingCapabilities(string(status))
		if err != nil {
			return fmt.Errorf("%s: %w", procStatus, err)
		}
		if err := dropFromFile(target, missing); err != nil {
			return fmt.Errorf("adapt the specification: %w", err)
		}
	}
	runc := os.Getenv("OCI_RUNTIME_RUNC")
	if runc == "" {
		runc = "runc"
	}
	path, err := exec.LookPath(runc)
	if err != nil {
		return fmt.Errorf("find runc: %w; install it or set OCI_RUNTIME_RUNC to its path", err)
	}
	argv := append([]string{path}, args...)
	if err := syscall.Exec(path, argv, os.Environ()); err != nil {
		return fmt.Errorf("run %s: %w", path, err)
	}
	return nil
}
