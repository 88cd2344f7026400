package apikey_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/auth/apikey"
)

// A link whose target is missing, such as a disk that is not there, is no
// reason to begin without keys.
func TestOpenFileRefusesALinkToNothing(t *testing.T) {
	folder := t.TempDir()
	link, target := filepath.Join(folder, "keys.json"), filepath.Join(folder, "disk", "keys.json")
	if err := os.Symlink(target, link); err != nil {
		t.Skip(err)
	}
	store, err := apikey.OpenFile(link, 0)
	if err == nil {
		store.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "link") {
		t.Errorf("error %v", err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v, %v", info, err)
	}
	must(t, os.MkdirAll(target, 0o700))
	if _, err := apikey.OpenFile(link, 0); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a link to a folder: error %v", err)
	}
}

// What the file cannot hold must not make the whole store unreadable.
func TestFileStoreKeepsStrangeRecordsReadable(t *testing.T) {
	now := time.Now()
	far := time.Date(123456, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		rec  apikey.Record
		kept bool
	}{
		"invalid network": {apikey.Record{ID: "x", ExpiresAt: now, Networks: []netip.Prefix{netip.PrefixFrom(netip.MustParseAddr("192.0.2.1"), 33)}}, false},
		"zero network":    {apikey.Record{ID: "x", ExpiresAt: now, Networks: []netip.Prefix{{}}}, true},
		"mapped network":  {apikey.Record{ID: "x", ExpiresAt: now, Networks: []netip.Prefix{netip.MustParsePrefix("::ffff:192.0.2.0/120")}}, true},
		"no expiry":       {apikey.Record{ID: "x"}, true},
		"far":             {apikey.Record{ID: "x", ExpiresAt: far, RevokedAt: far}, true},
		"past":            {apikey.Record{ID: "x", ExpiresAt: time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC)}, false},
		"zone":            {apikey.Record{ID: "x", ExpiresAt: now.In(time.FixedZone("", 86399))}, true},
		"long":            {apikey.Record{ID: "x", ExpiresAt: now, Subject: strings.Repeat("<\x00", 1<<18)}, true},
		"secrets":         {apikey.Record{ID: "x", ExpiresAt: now, Secrets: make([]apikey.Secret, 100)}, true},
		"roles":           {apikey.Record{ID: "x", ExpiresAt: now, Roles: make([]string, 5000)}, true},
		"too many roles":  {apikey.Record{ID: "x", ExpiresAt: now, Roles: make([]string, 10_200)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "keys.json")
			store := open(t, path, 0)
			must(t, store.Create(t.Context(), apikey.Record{ID: "good", ExpiresAt: now.Add(hour)}))
			if err := store.Create(t.Context(), test.rec); (err == nil) != test.kept {
				t.Errorf("Create: %v", err)
			}
			must(t, store.Create(t.Context(), apikey.Record{ID: "later", ExpiresAt: now.Add(hour)}))
			must(t, store.Close())
			again := open(t, path, 0)
			for id, kept := range map[string]bool{"good": true, "x": test.kept, "later": true} {
				if _, err := again.Get(t.Context(), id); (err == nil) != kept {
					t.Errorf("%s: %v", id, err)
				}
			}
		})
	}
}

// With the most keys, also where an int has 32 bits.
func TestTheLargestFileStoreWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	store := open(t, path, 100_000)
	must(t, store.Create(t.Context(), apikey.Record{ID: "x", ExpiresAt: time.Now()}))
	must(t, store.Close())
	open(t, path, 100_000)
}
