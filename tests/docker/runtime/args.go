package main

import (
	"path/filepath"
	"strings"
)

// target is a JSON file that holds capabilities, and where in it they are.
type target struct {
	path string
	// nested says that the process object is the member "process" of the
	// document (a bundle's config.json) and not the document itself (the file
	// of `exec --process`).
	nested bool
}

// globalWithValue lists runc's global flags that take the next argument
// (runc(8), "GLOBAL OPTIONS"). Needed to tell a flag's value from the command.
var globalWithValue = map[string]bool{
	"--log": true, "--log-format": true, "--root": true, "--criu": true, "--rootless": true,
}

// specFile finds the document that a runc command line takes its capabilities
// from. Commands without one (state, kill, delete …) give ok == false.
func specFile(args []string) (t target, ok bool) {
	i := 0
	for i < len(args) && strings.HasPrefix(args[i], "-") {
		if globalWithValue["--"+strings.TrimLeft(args[i], "-")] {
			i++
		}
		i++
	}
	if i >= len(args) {
		return target{}, false
	}
	rest := args[i+1:]
	switch args[i] {
	case "create", "run":
		dir, found := flagValue(rest, "bundle", "b")
		if !found {
			dir = "."
		}
		return target{path: filepath.Join(dir, "config.json"), nested: true}, true
	case "exec":
		file, found := flagValue(rest, "process", "p")
		return target{path: file}, found
	}
	return target{}, false
}

// flagValue returns the value of --long VALUE, --long=VALUE, -short VALUE or
// -short=VALUE, with one or two dashes as runc's flag parser accepts them.
func flagValue(args []string, long, short string) (string, bool) {
	for i, arg := range args {
		if !strings.HasPrefix(arg, "-") {
			continue
		}
		name, value, inline := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if name != long && name != short {
			continue
		}
		if inline {
			return value, true
		}
		if i+1 < len(args) {
			return args[i+1], true
		}
	}
	return "", false
}
