package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestMissingCapabilities(t *testing.T) {
	cases := []struct {
		name, status string
		want         []string
		err          string
	}{
		{"all present", "Name:\tx\nCapBnd:\t000001ffffffffff\n", nil, ""},
		{"sys_resource", "CapBnd:\t000001fffeffffff\n", []string{"CAP_SYS_RESOURCE"}, ""},
		{"older kernel", "CapBnd:\t0000003fffffffff\n",
			[]string{"CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE"}, ""},
		{"bits of a newer kernel", "CapBnd:\tffffffffffffffff\n", nil, ""},
		{"no line", "CapEff:\t0\n", nil, "no CapBnd line"},
		{"not hexadecimal", "CapBnd:\tzz\n", nil, "CapBnd"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := missingCapabilities(c.status)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("error %v, want %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != len(c.want) {
				t.Fatalf("got %v, want %v", got, c.want)
			}
			for _, name := range c.want {
				if !got[name] {
					t.Errorf("%s is not in %v", name, got)
				}
			}
		})
	}
}

func TestSpecFile(t *testing.T) {
	cases := []struct {
		args string
		want target
		ok   bool
	}{
		{"--root /r --log /l --log-format json create --bundle /b --pid-file /p id", target{"/b/config.json", true}, true},
		{"--systemd-cgroup create -b=/b id", target{"/b/config.json", true}, true},
		{"--root=/r run id", target{"config.json", true}, true},
		{"--log create exec --process /tmp/p.json --detach id", target{"/tmp/p.json", false}, true},
		{"exec -p /tmp/p.json id", target{"/tmp/p.json", false}, true},
		{"exec id sh", target{}, false},
		{"kill create 9", target{}, false},
		{"--version", target{}, false},
		{"--root", target{}, false},
		{"", target{}, false},
	}
	for _, c := range cases {
		got, ok := specFile(strings.Fields(c.args))
		if ok != c.ok || got != c.want {
			t.Errorf("%q: got %+v %v, want %+v %v", c.args, got, ok, c.want, c.ok)
		}
	}
}

func TestDropKeepsEverythingElse(t *testing.T) {
	const process = `{"args":["x"],"big":9007199254740993,"capabilities":{"bounding":["CAP_KILL","CAP_SYS_RESOURCE"],"ambient":[]}}`
	drop := map[string]bool{"CAP_SYS_RESOURCE": true}
	out, changed, err := dropFromDocument([]byte(`{"ociVersion":"1.0.2","process":`+process+`}`), true, drop)
	if err != nil || !changed {
		t.Fatalf("changed %v, error %v", changed, err)
	}
	var got struct {
		OciVersion string
		Process    struct {
			Args         []string
			Big          json.Number
			Capabilities map[string][]string
		}
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	if got.OciVersion != "1.0.2" || got.Process.Big != "9007199254740993" || got.Process.Args[0] != "x" {
		t.Errorf("lost something: %s", out)
	}
	want := map[string][]string{"bounding": {"CAP_KILL"}, "ambient": {}}
	if !reflect.DeepEqual(got.Process.Capabilities, want) {
		t.Errorf("capabilities %v, want %v", got.Process.Capabilities, want)
	}
	again, changed, err := dropFromDocument(out, true, drop)
	if err != nil || changed || string(again) != string(out) {
		t.Errorf("a second pass changed the document: %v %v", changed, err)
	}
}

func TestDropFromFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "process.json")
	if err := os.WriteFile(path, []byte(`{"capabilities":{"effective":["CAP_BPF"]}}`), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := dropFromFile(target{path: path}, map[string]bool{"CAP_BPF": true}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != `{"capabilities":{"effective":[]}}` {
		t.Errorf("got %s, %v", got, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("permissions: %v, %v", info.Mode(), err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("left files behind: %v", entries)
	}
}

func TestDropRefusesBadDocuments(t *testing.T) {
	for _, document := range []string{"", "[]", `{"process":3}`, `{"process":{"capabilities":["CAP_KILL"]}}`} {
		if _, _, err := dropFromDocument([]byte(document), true, nil); err == nil {
			t.Errorf("accepted %q", document)
		}
	}
	if err := dropFromFile(target{path: filepath.Join(t.TempDir(), "absent")}, nil); err == nil {
		t.Error("accepted an absent file")
	}
}
