package apikey_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// killed names the file that a child of the test changes until it is killed.
const killed = "BULWARK_TEST_KEY_FILE"

func TestMain(m *testing.M) {
	if path := os.Getenv(killed); path != "" {
		changeForEver(path)
	}
	os.Exit(m.Run())
}

// changeForEver issues, rotates and revokes keys without end. It says what it
// begins, and what has been done: "revoking ID", "revoked ID".
func changeForEver(path string) {
	out := bufio.NewWriter(os.Stdout)
	say := func(words ...any) {
		fmt.Fprintln(out, words...)
		out.Flush()
	}
	check := func(err error) {
		if err != nil {
			say("failed", err)
			os.Exit(1)
		}
	}
	store, err := apikey.OpenFile(path, 0)
	check(err)
	c := config(store)
	c.Recorder = new(bulwarktest.Recorder)
	keys, err := apikey.New(c)
	check(err)
	ctx := context.Background()
	var held []apikey.Issued
	for i := 0; ; i++ {
		switch step := i % 4; {
		case step < 2 || len(held) == 0:
			say("issuing")
			key, err := keys.Issue(ctx, apikey.Grant{Name: "partner", Roles: []string{"user"}})
			check(err)
			say("issued", key.ID, key.Key)
			held = append(held, key)
		case step == 2:
			at := rand.IntN(len(held))
			say("rotating", held[at].ID)
			key, err := keys.Rotate(ctx, held[at].ID, 0)
			check(err)
			say("rotated", key.ID, key.Key)
			held[at] = key
		default:
			at := rand.IntN(len(held))
			say("revoking", held[at].ID)
			check(keys.Revoke(ctx, held[at].ID))
			say("revoked", held[at].ID)
			held = append(held[:at], held[at+1:]...)
		}
	}
}

// told is what the child has said of the keys.
type told struct {
	keys    map[string]string // that work, by their ids
	ended   map[string]bool   // keys that do not: revoked, or replaced
	pending string            // the last line, if nothing is known about its end
}

func (t *told) hear(line string) {
	word := strings.Fields(line)
	t.pending = ""
	switch word[0] {
	case "issued":
		t.keys[word[1]] = word[2]
	case "rotated":
		t.ended[t.keys[word[1]]] = true
		t.keys[word[1]] = word[2]
	case "revoked":
		t.ended[t.keys[word[1]]] = true
		delete(t.keys, word[1])
	default:
		t.pending = line
	}
}

// A process is killed at any moment of its writes, again and again, with one
// file. What it said to have done has been done, and nothing is half done.
func TestTheFileSurvivesSIGKILL(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	know := &told{keys: map[string]string{}, ended: map[string]bool{}}
	rounds, changes, interrupted := 20, 0, 0
	for range rounds {
		changes += runUntilKilled(t, path, know)
		if t.Failed() {
			return
		}
		if know.pending != "" {
			interrupted++
		}
		checkAfterKill(t, path, know)
	}
	if changes < 2*rounds || interrupted == 0 {
		t.Errorf("%d changes in %d rounds, %d interrupted: the test shows nothing", changes, rounds, interrupted)
	}
	t.Logf("%d changes, %d interrupted, %d keys", changes, interrupted, len(know.keys))
}

// runUntilKilled starts a process and kills it after some lines.
func runUntilKilled(t *testing.T, path string, know *told) (changes int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	child := exec.CommandContext(ctx, os.Args[0])
	child.Env = append(os.Environ(), killed+"="+path)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for left := 8 + rand.IntN(40); lines.Scan(); left-- {
		know.hear(lines.Text())
		changes++
		if left == 0 {
			for range rand.IntN(200_000) { // anywhere within a write
			}
			child.Process.Kill()
		}
	}
	child.Wait()
	if strings.HasPrefix(know.pending, "failed") {
		t.Errorf("the child: %s", know.pending)
	}
	return changes / 2
}

func checkAfterKill(t *testing.T, path string, know *told) {
	t.Helper()
	store, err := apikey.OpenFile(path, 0)
	if err != nil {
		t.Fatalf("after a kill: %v", err)
	}
	defer store.Close()
	keys := newKeys(t, config(store))
	word := append(strings.Fields(know.pending), "", "")
	all, err := keys.List(t.Context(), apikey.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]apikey.Record{}
	for _, rec := range all {
		there[rec.ID] = rec
		_, known := know.keys[rec.ID]
		whole := len(rec.Secrets) == 1 && rec.Name == "partner" && len(rec.Roles) == 1
		if !whole || !known && word[0] != "issuing" && rec.RevokedAt.IsZero() {
			t.Errorf("after a kill while %q there is the record %+v", word[0], rec)
		}
	}
	for id, key := range know.keys {
		_, err := keys.Verify(t.Context(), key)
		unsure := word[1] == id && (word[0] == "revoking" || word[0] == "rotating")
		if err != nil && !unsure {
			t.Errorf("after a kill while %q an issued key is refused: %v", word[0], err)
		}
		if err != nil {
			know.ended[key] = true // the change was made, and its end is not known
			delete(know.keys, id)
		}
	}
	for key := range know.ended {
		if _, err := keys.Verify(t.Context(), key); err == nil {
			t.Errorf("after a kill while %q an ended key is accepted", word[0])
		}
	}
	know.pending = ""
	for id, rec := range there { // issued, and nobody was told: not ours any more
		if _, known := know.keys[id]; !known && rec.RevokedAt.IsZero() {
			if err := keys.Revoke(t.Context(), id); err != nil {
				t.Error(err)
			}
		}
	}
}
