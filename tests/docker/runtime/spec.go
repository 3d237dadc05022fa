package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// object keeps the members that this program doesn't look into byte for byte.
type object map[string]json.RawMessage

// dropFromFile rewrites the document at t without the given capabilities. The
// new file replaces the old one at once, with the same permissions.
func dropFromFile(t target, drop map[string]bool) error {
	info, err := os.Stat(t.path)
	if err != nil {
		return err
	}
	before, err := os.ReadFile(t.path)
	if err != nil {
		return err
	}
	after, changed, err := dropFromDocument(before, t.nested, drop)
	if err != nil {
		return fmt.Errorf("%s: %w", t.path, err)
	}
	if !changed {
		return nil
	}
	temp, err := os.CreateTemp(filepath.Dir(t.path), ".spec-*")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // after the rename there is nothing to remove
	if _, err := temp.Write(after); err != nil {
		temp.Close()
		return err
	}
	if err := temp.Chmod(info.Mode().Perm()); err != nil {
		temp.Close()
		return err
	}
	if err := temp.Close(); err != nil {
		return err
	}
	return os.Rename(temp.Name(), t.path)
}

// dropFromDocument removes capabilities from an OCI runtime specification
// (nested) or from a process object of one.
func dropFromDocument(document []byte, nested bool, drop map[string]bool) ([]byte, bool, error) {
	if !nested {
		return dropFromProcess(document, drop)
	}
	var spec object
	if err := json.Unmarshal(document, &spec); err != nil {
		return nil, false, err
	}
	if spec["process"] == nil {
		return document, false, nil
	}
	process, changed, err := dropFromProcess(spec["process"], drop)
	if err != nil || !changed {
		return document, false, err
	}
	spec["process"] = process
	out, err := json.Marshal(spec)
	return out, true, err
}

func dropFromProcess(document []byte, drop map[string]bool) ([]byte, bool, error) {
	var process object
	if err := json.Unmarshal(document, &process); err != nil {
		return nil, false, fmt.Errorf("process: %w", err)
	}
	if process["capabilities"] == nil {
		return document, false, nil
	}
	// Sets: bounding, effective, inheritable, permitted, ambient.
	var sets map[string][]string
	if err := json.Unmarshal(process["capabilities"], &sets); err != nil {
		return nil, false, fmt.Errorf("process.capabilities: %w", err)
	}
	changed := false
	for name, set := range sets {
		kept := make([]string, 0, len(set))
		for _, capability := range set {
			if !drop[capability] {
				kept = append(kept, capability)
			}
		}
		changed = changed || len(kept) != len(set)
		sets[name] = kept
	}
	if !changed {
		return document, false, nil
	}
	capabilities, err := json.Marshal(sets)
	if err != nil {
		return nil, false, err
	}
	process["capabilities"] = capabilities
	out, err := json.Marshal(process)
	return out, true, err
}
