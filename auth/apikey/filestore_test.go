package apikey_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/auth/authtest"
)

func open(t testing.TB, path string, most int) *apikey.FileStore {
	t.Helper()
	store, err := apikey.OpenFile(path, most)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

func TestFileStoreKeepsTheRules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		authtest.TestKeyStore(t, func(t *testing.T) apikey.Store {
			store := open(t, filepath.Join(t.TempDir(), "keys.json"), 1100)
			store.Sync(func(*os.File) error { return nil }) // which no rule can tell
			return store
		})
	})
}

// reopened closes the store and opens its file again.
func reopened(t testing.TB, store *apikey.FileStore, path string) *apikey.FileStore {
	t.Helper()
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	return open(t, path, 0)
}

func TestFileStoreKeepsEverything(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	store := open(t, path, 0)
	now := time.Now().Round(0).UTC()
	full := apikey.Record{
		ID: "id\xff", Family: "acme_live", Name: "Bücher \"\\\x00\u2028<>&", Issuer: "base64:x", Subject: "text:base64:", Tier: "premium",
		Roles: []string{"a", "", "text:"}, Scopes: []string{"s\xfe"}, Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.7/24"), netip.MustParsePrefix("2001:db8::/32")},
		CreatedAt: now, ExpiresAt: now.Add(hour), Adopted: true, RevokedAt: now.Add(1), LastUsed: now.Add(2), StaleReported: now.Add(3),
		Secrets: []apikey.Secret{{Hash: [32]byte{1, 255}, Pepper: 7, CreatedAt: now.Add(4), NotAfter: now.Add(5)}, {}},
	}
	least := apikey.Record{ID: "least", ExpiresAt: now.Add(hour)}
	for _, rec := range []apikey.Record{full, least} {
		if err := store.Create(t.Context(), rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.RevokeOwner(t.Context(), "issuer\xff", "alice", now, now.Add(hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Mark(t.Context(), "least", apikey.Used, now, 0); err != nil {
		t.Fatal(err)
	}
	store = reopened(t, store, path)
	least.LastUsed = now
	for _, want := range []apikey.Record{full, least} {
		want.Version = 1
		got, err := store.Get(t.Context(), want.ID)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("after Close and OpenFile %+v, %v, want %+v", got, err, want)
		}
	}
	if err := store.Create(t.Context(), apikey.Record{ID: "late", Issuer: "issuer\xff", Subject: "alice", CreatedAt: now, ExpiresAt: now.Add(hour)}); err != nil {
		t.Fatal(err)
	}
	if rec, err := store.Get(t.Context(), "late"); err != nil || !rec.RevokedAt.Equal(now) {
		t.Errorf("the mark of the owner is lost: %+v, %v", rec, err)
	}
}

func TestTheFileHasNoSecretsAndOneReader(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	store := open(t, path, 0)
	keys := newKeys(t, config(store))
	key := issue(t, keys, apikey.Grant{})
	again, err := keys.Rotate(t.Context(), key.ID, hour)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil || !bytes.Contains(text, []byte(key.ID)) {
		t.Fatalf("%s, %v", text, err)
	}
	for _, secret := range []string{strings.Split(key.Key, "_")[3], strings.Split(again.Key, "_")[3], string(pepper(1).Key)} {
		if bytes.Contains(text, []byte(secret)) {
			t.Errorf("the file has a secret: %s", text)
		}
	}
	for _, name := range []string{path, path + ".lock"} {
		if info, err := os.Stat(name); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	names, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(names) != 2 {
		t.Errorf("files %v, %v: want the file and its lock", names, err)
	}
	// A file that others could read is not so after the next change.
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := keys.Revoke(t.Context(), key.ID); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("after a change: %v, %v", info.Mode(), err)
	}
}

// goodFile is the text of a file with one key and one mark.
func goodFile(t testing.TB) (text []byte, id string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys.json")
	store := open(t, path, 0)
	key := issue(t, newKeys(t, config(store)), apikey.Grant{Roles: []string{"a"}, Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
	if err := store.RevokeOwner(t.Context(), "https://login.example.com", "bob", time.Now(), time.Now().Add(hour)); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text, key.ID
}

// A file that is not whole is an error, wherever it was cut, and stays as it is.
func TestDamagedFilesAreErrors(t *testing.T) {
	good, id := goodFile(t)
	change := func(old, with string) []byte {
		if !bytes.Contains(good, []byte(old)) {
			t.Fatalf("%q is not in %s", old, good)
		}
		return bytes.Replace(good, []byte(old), []byte(with), 1)
	}
	var twice struct {
		Format  string            `json:"format"`
		Version int               `json:"version"`
		Keys    []json.RawMessage `json:"keys"`
		Owners  []json.RawMessage `json:"owners"`
	}
	if err := json.Unmarshal(good, &twice); err != nil {
		t.Fatal(err)
	}
	keys := twice.Keys
	twice.Keys = append(keys, keys[0])
	key2, _ := json.Marshal(twice)
	twice.Keys, twice.Owners = keys, append(twice.Owners, twice.Owners[0])
	owner2, _ := json.Marshal(twice)
	for name, text := range map[string][]byte{
		"empty": {}, "null": []byte("null"), "list": []byte("[]"), "object": []byte("{}"), "zeros": make([]byte, len(good)),
		"format": change(`bulwark API keys`, `other`), "later-version": change(`"version":1,`, `"version":2,`), "text-version": change(`"version":1,`, `"version":"1",`),
		"no-keys": change(`"keys"`, `"other"`), "null-keys": []byte(`{"format":"bulwark API keys","version":1,"keys":null,"owners":[]}`),
		"no-owners": []byte(`{"format":"bulwark API keys","version":1,"keys":[]}`), "null-key": []byte(`{"format":"bulwark API keys","version":1,"keys":[null],"owners":[]}`),
		"unknown-member": change(`"version":1,`, `"version":1,"more":1,`), "unknown-in-key": change(`"id":`, `"more": 1, "id":`),
		"case": change(`"roles"`, `"Roles"`), "same-name-twice": change(`"version":1,`, `"version":1,"version":1,`),
		"no-id": change(`"id":"`+id+`",`, ``), "no-expiry": change(`"expires_at"`, `"last_used"`), "key-version": change(`"version":1,"family"`, `"version":0,"family"`),
		"short-hash": change(`"hash":"`, `"hash": "AAAA", "x": "`), "hash": change(`"hash":"`, `"hash": "!`), "time": change(`"expires_at":"`, `"expires_at": "x`),
		"network": change(`192.0.2.0/24`, `192.0.2.0/99`), "number-for-text": change(`"family":"acme_live"`, `"family": 1`), "two-documents": append(slices.Clone(good), good...),
		"same-key-twice": key2, "same-owner-twice": owner2, "base64": change(`"family":"acme_live"`, `"family": "base64:!"`),
	} {
		t.Run(name, func(t *testing.T) { refusesFile(t, text, id) })
	}
	path := filepath.Join(t.TempDir(), "keys.json")
	for n := range len(good) - 1 { // without its last newline the file is whole
		if err := os.WriteFile(path, good[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if store, err := apikey.OpenFile(path, 0); err == nil || store != nil {
			t.Fatalf("%d bytes are accepted: %s", n, good[:n])
		}
	}
}

func refusesFile(t *testing.T, text []byte, id string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	store, err := apikey.OpenFile(path, 0)
	if err == nil || store != nil {
		t.Fatalf("%d bytes are accepted: %s", len(text), text)
	}
	if got := err.Error(); !strings.Contains(got, path) || !strings.Contains(got, "restore it from a copy") || strings.Contains(got, id) {
		t.Errorf("the error is %v", err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, text) {
		t.Errorf("the file was changed: %v", err)
	}
	// It is unlocked: after it was moved away, an empty store opens.
	if err := os.Rename(path, path+".bad"); err != nil {
		t.Fatal(err)
	}
	open(t, path, 0)
}

func TestFilesThatCannotBeOpened(t *testing.T) {
	folder := t.TempDir()
	many := filepath.Join(folder, "many.json")
	store := open(t, many, 0)
	keys := newKeys(t, config(store))
	for range 3 {
		issue(t, keys, apikey.Grant{})
	}
	store.Close()
	if err := os.Mkdir(filepath.Join(folder, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	held := filepath.Join(folder, "held.json")
	open(t, held, 0)
	for name, test := range map[string]struct {
		path string
		most int
		want string
	}{
		"no-path":   {"", 0, "the path is empty"},
		"no-folder": {filepath.Join(folder, "none", "keys.json"), 0, "no such file"},
		"a-folder":  {filepath.Join(folder, "folder"), 0, "folder"},
		"too-many":  {many, 2, "it has 3 keys"},
		"negative":  {many, -1, "from 1 to 100000"},
		"too-large": {many, 100_001, "from 1 to 100000"},
		"locked":    {held, 0, "is locked"},
	} {
		t.Run(name, func(t *testing.T) {
			if store, err := apikey.OpenFile(test.path, test.most); err == nil || store != nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q in it", err, test.want)
			}
		})
	}
	var zero apikey.FileStore
	if err := errors.Join(zero.Create(t.Context(), apikey.Record{}), zero.Close()); err == nil || strings.Count(err.Error(), "OpenFile") != 2 {
		t.Errorf("a FileStore that was not opened: %v", err)
	}
}

func TestAClosedFileStoreDoesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	store := open(t, path, 0)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	next := open(t, path, 0) // the lock is free
	ctx := t.Context()
	_, got := store.Get(ctx, "x")
	_, listed := store.List(ctx, apikey.Filter{})
	_, marked := store.Mark(ctx, "x", apikey.Used, time.Now(), 0)
	for i, err := range []error{got, listed, marked, store.Create(ctx, apikey.Record{ID: "x"}), store.Update(ctx, apikey.Record{ID: "x"}),
		store.RevokeOwner(ctx, "x", "x", time.Now(), time.Now()), store.Sweep(ctx), store.Close()} {
		if err == nil || errors.Is(err, auth.ErrNotFound) || !strings.Contains(err.Error(), "closed") {
			t.Errorf("call %d of a closed store: %v", i, err)
		}
	}
	issue(t, newKeys(t, config(next)), apikey.Grant{})
}

// Whatever is read is written so that it can be read again, to the same end.
func FuzzFile(f *testing.F) {
	good, _ := goodFile(f)
	f.Add(good)
	f.Add([]byte(`{"format":"bulwark API keys","version":1,"keys":[],"owners":[]}`))
	f.Add([]byte(`{"format":"bulwark API keys","version":1,"keys":[{"id":"base64:/w==","version":1,"family":"text:text:","issuer":"","subject":"","expires_at":"2026-01-02T03:04:05+01:00"}],"owners":[]}`))
	f.Fuzz(func(t *testing.T, src []byte) {
		written, err := apikey.ReadAgain(src, 10)
		if err != nil {
			return
		}
		again, err := apikey.ReadAgain(written, 10)
		if err != nil || !bytes.Equal(written, again) {
			t.Fatalf("%s is read as %s, and then as %s, %v", src, written, again, err)
		}
	})
}

// What is too large to be read again is not written.
func TestAFileIsNeverTooLargeToRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	store := open(t, path, 1)
	keys := newKeys(t, config(store))
	_, err := keys.Issue(t.Context(), apikey.Grant{Owner: &bulwark.Principal{Issuer: "https://login.example.com", Subject: strings.Repeat("x", 2<<20)}})
	problem(t, err, 503, "apikey.unavailable")
	if !strings.Contains(fmt.Sprint(errors.Unwrap(err)), "max of OpenFile") {
		t.Errorf("error %v", errors.Unwrap(err))
	}
	key := issue(t, keys, apikey.Grant{Roles: slices.Repeat([]string{strings.Repeat("r", 128)}, 64), Scopes: slices.Repeat([]string{strings.Repeat("s", 128)}, 64),
		Networks: slices.Repeat([]netip.Prefix{netip.MustParsePrefix("2001:db8:1111:2222:3333:4444:5555:6666/128")}, 64), Name: strings.Repeat("\u2028", 42)})
	for range 3 {
		rotate(t, keys, key.ID, hour)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, path, 1)
}

// A symbolic link stays a link.
func TestFileBehindALink(t *testing.T) {
	folder := t.TempDir()
	real, link := filepath.Join(folder, "real.json"), filepath.Join(folder, "link.json")
	open(t, real, 0).Close()
	if err := os.Symlink(real, link); err != nil {
		t.Skip(err)
	}
	store := open(t, link, 0)
	key := issue(t, newKeys(t, config(store)), apikey.Grant{})
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link is %v, %v", info.Mode(), err)
	}
	if text, err := os.ReadFile(real); err != nil || !bytes.Contains(text, []byte(key.ID)) {
		t.Errorf("the file behind the link: %s, %v", text, err)
	}
	if _, err := apikey.OpenFile(real, 0); err == nil {
		t.Error("the file is opened twice by two names")
	}
}

// What could not be written has not happened, in memory and in the file.
func TestWritesThatFail(t *testing.T) {
	full := errors.New("no space left on device")
	for name, breaks := range map[string]func(t *testing.T, path string, store *apikey.FileStore) (repair func()){
		"disk-full": func(_ *testing.T, _ string, store *apikey.FileStore) func() {
			store.Sync(func(*os.File) error { return full })
			return func() { store.Sync((*os.File).Sync) }
		},
		// A folder in the way fails as a read-only folder does, also for root.
		"cannot-create": func(t *testing.T, path string, _ *apikey.FileStore) func() {
			if err := os.MkdirAll(filepath.Join(path+".new", "x"), 0o700); err != nil {
				t.Fatal(err)
			}
			return func() { os.RemoveAll(path + ".new") }
		},
		"no-folder": func(t *testing.T, path string, _ *apikey.FileStore) func() {
			folder := filepath.Dir(path)
			if err := os.Rename(folder, folder+".away"); err != nil {
				t.Fatal(err)
			}
			return func() { os.Rename(folder+".away", folder) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "folder", "keys.json")
			if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			store := open(t, path, 0)
			keys := newKeys(t, config(store))
			key, other := issue(t, keys, apikey.Grant{}), issue(t, keys, apikey.Grant{Owner: alice})
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			repair := breaks(t, path, store)
			_, issued := keys.Issue(t.Context(), apikey.Grant{})
			_, rotated := keys.Rotate(t.Context(), key.ID, 0)
			for i, err := range []error{issued, rotated, keys.Revoke(t.Context(), key.ID), keys.RevokeOwner(t.Context(), alice)} {
				problem(t, err, 503, "apikey.unavailable")
				if errors.Is(err, auth.ErrConflict) {
					t.Errorf("call %d: %v", i, err)
				}
			}
			for _, each := range []apikey.Issued{key, other} {
				if a := send(t, keys, "Authorization", "ApiKey "+each.Key); a.Code != 204 {
					t.Errorf("a key whose revocation was not written: %d", a.Code)
				}
			}
			if all, err := keys.List(t.Context(), apikey.Filter{}); err != nil || len(all) != 2 {
				t.Errorf("%d keys, %v: want 2", len(all), err)
			}
			repair()
			if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, before) {
				t.Errorf("the file was changed: %v", err)
			}
			// The store goes on, and so does its file.
			if err := keys.Revoke(t.Context(), key.ID); err != nil {
				t.Fatal(err)
			}
			keys = newKeys(t, config(reopened(t, store, path)))
			send(t, keys, "Authorization", "ApiKey "+key.Key).refused(t, "revoked")
			send(t, keys, "Authorization", "ApiKey "+other.Key).accepted(t, "alice")
		})
	}
}

// A change that could not be written leaves nothing for the next one.
func TestAFailedChangeIsForgotten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	store := open(t, path, 0)
	rec := apikey.Record{ID: "x", ExpiresAt: time.Now().Add(hour)}
	if err := store.Create(t.Context(), rec); err != nil {
		t.Fatal(err)
	}
	rec.Version, rec.Name = 1, "failed"
	store.Sync(func(*os.File) error { return errors.New("no space left on device") })
	if err := store.Update(t.Context(), rec); err == nil {
		t.Fatal("no error")
	}
	store.Sync((*os.File).Sync)
	rec.Name = "written"
	if err := store.Update(t.Context(), rec); err != nil {
		t.Fatal(err)
	}
	if got, err := reopened(t, store, path).Get(t.Context(), "x"); err != nil || got.Name != "written" {
		t.Errorf("the file has %q, %v", got.Name, err)
	}
}

// Where the folder cannot be made durable, the file has changed: memory follows
// it, and the caller is not told that the change will last.
func TestAFolderThatCannotBeSynced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	store := open(t, path, 0)
	keys := newKeys(t, config(store))
	key := issue(t, keys, apikey.Grant{})
	down := errors.New("input/output error")
	store.Sync(func(f *os.File) error {
		if info, err := f.Stat(); err == nil && info.IsDir() {
			return down
		}
		return f.Sync()
	})
	if err := keys.Revoke(t.Context(), key.ID); !errors.Is(err, down) {
		t.Errorf("error %v", err)
	}
	send(t, keys, "Authorization", "ApiKey "+key.Key).refused(t, "revoked")
	store.Sync((*os.File).Sync)
	send(t, newKeys(t, config(reopened(t, store, path))), "Authorization", "ApiKey "+key.Key).refused(t, "revoked")
}

// A disk that hangs holds nobody up for longer than his context, and the store
// says nothing wrong about it.
func TestADiskThatHangs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	store := open(t, path, 0)
	keys := newKeys(t, config(store))
	key := issue(t, keys, apikey.Grant{})
	begun, release := make(chan struct{}), make(chan struct{})
	var calls int
	store.Sync(func(*os.File) error {
		if calls++; calls == 1 {
			close(begun)
			<-release
		}
		return nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	revoked := make(chan error, 1)
	go func() { revoked <- keys.Revoke(ctx, key.ID) }()
	<-begun
	if a := send(t, keys, "Authorization", "ApiKey "+key.Key); a.Code != 204 {
		t.Errorf("while the disk hangs: %d", a.Code)
	}
	late, cancelled := context.WithCancel(t.Context())
	cancelled()
	if _, err := keys.Issue(late, apikey.Grant{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a second change: %v", err)
	}
	cancel()
	problem(t, <-revoked, 503, "apikey.unavailable")
	close(release)
	issue(t, keys, apikey.Grant{}) // behind the change that was under way
	send(t, keys, "Authorization", "ApiKey "+key.Key).refused(t, "revoked")
}

// A file that somebody else has written is not written over.
func TestAFileThatOthersWrite(t *testing.T) {
	for name, disturb := range map[string]func(path string) error{
		"replaced": func(path string) error {
			text, err := os.ReadFile(path)
			return errors.Join(err, os.WriteFile(path+".copy", text, 0o600), os.Rename(path+".copy", path))
		},
		"appended": func(path string) error {
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteString("\n")
			return errors.Join(err, f.Close())
		},
		"removed": os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "keys.json")
			store := open(t, path, 0)
			keys := newKeys(t, config(store))
			key := issue(t, keys, apikey.Grant{})
			if err := disturb(path); err != nil {
				t.Fatal(err)
			}
			before, _ := os.ReadFile(path)
			err := keys.Revoke(t.Context(), key.ID)
			problem(t, err, 503, "apikey.unavailable")
			if name != "removed" && !strings.Contains(fmt.Sprint(errors.Unwrap(err)), "somebody else has changed") {
				t.Errorf("error %v", errors.Unwrap(err))
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(after, before) {
				t.Error("the file was written over")
			}
		})
	}
}

func TestMarksAreWrittenBySweep(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	store := open(t, path, 0)
	key := issue(t, newKeys(t, config(store)), apikey.Grant{})
	at := time.Now().Round(0)
	if first, err := store.Mark(t.Context(), key.ID, apikey.Used, at, hour); !first || err != nil {
		t.Fatal(first, err)
	}
	text, _ := os.ReadFile(path)
	if bytes.Contains(text, []byte("last_used")) {
		t.Error("a mark is written at once")
	}
	if err := store.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	text, _ = os.ReadFile(path)
	if !bytes.Contains(text, []byte("last_used")) {
		t.Error("a mark is not written by Sweep")
	}
	info, _ := os.Stat(path)
	if err := store.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if again, err := os.Stat(path); err != nil || !os.SameFile(info, again) {
		t.Error("a Sweep without anything to write writes")
	}
}
