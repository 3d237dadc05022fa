package chart

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"
)

var helm = os.Getenv("HELM")

// runHelm runs Helm with stdin and returns its stdout, its stderr, and whether
// it succeeded. A Helm that cannot be started ends the test.
func runHelm(t *testing.T, stdin []byte, args ...string) (stdout, stderr string, ok bool) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.Command(helm, args...)
	cmd.Stdin = bytes.NewReader(stdin)
	cmd.Stdout, cmd.Stderr = &out, &errs
	// No repository, plugin or cluster of the machine may take part.
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "KUBECONFIG=/dev/null", "HELM_PLUGINS=/dev/null")
	err := cmd.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatalf("cannot run %s: %v", helm, err)
	}
	return out.String(), errs.String(), err == nil
}

// render returns the rendered chart for values: the path of a file, or "-" for stdin.
func render(t *testing.T, values string, stdin []byte) string {
	t.Helper()
	out, errs, ok := runHelm(t, stdin, "template", release, chartDir, "--namespace", namespace, "--values", values)
	if !ok {
		t.Fatalf("helm template --values %s failed:\n%s", values, errs)
	}
	renders.Add(1)
	return out
}

func TestLint(t *testing.T) {
	forEachCase(t, func(t *testing.T, _, values string) {
		out, errs, ok := runHelm(t, nil, "lint", "--strict", chartDir, "--namespace", namespace, "--values", values)
		if !ok || strings.Contains(out, "[WARNING]") {
			t.Errorf("helm lint --strict is not clean:\n%s%s", out, errs)
		}
	})
}
