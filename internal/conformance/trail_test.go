package conformance

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/bulwark-go/bulwark/audit/trail"
)

// TestTrailByOthers verifies the checkpoints of a trail with the packages that
// verify Go's own checksum database: the note, its signature and its key, and
// the hash of the tree, over two files.
func TestTrailByOthers(t *testing.T) {
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{3}, ed25519.SeedSize))
	const origin = "api.example.com/audit"
	var log, next bytes.Buffer
	w, err := trail.New(&log, trail.Config{Origin: origin, Signer: private, MaxUnsigned: 7})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		if i == 100 { // the tree goes on in the next file
			if err := w.Rotate(&next); err != nil {
				t.Fatal(err)
			}
		}
		fmt.Fprintf(w, "record %d\n", i)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}

	verifier, err := note.NewVerifier(trail.VerifierKey(origin, private.Public().(ed25519.PublicKey)))
	if err != nil {
		t.Fatal(err)
	}
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, at := range indexes {
			hashes[i] = stored[at]
		}
		return hashes, nil
	})
	size, checked := int64(0), 0
	log.Write(next.Bytes())
	for line := range bytes.Lines(log.Bytes()) {
		if bytes.HasPrefix(line, []byte(`{"trail":"checkpoint",`)) {
			var mark struct{ Note string }
			if err := json.Unmarshal(line, &mark); err != nil {
				t.Fatal(err)
			}
			opened, err := note.Open([]byte(mark.Note), note.VerifierList(verifier))
			if err != nil {
				t.Fatalf("after %d lines: %v", size, err)
			}
			root, err := tlog.TreeHash(size, reader)
			if err != nil {
				t.Fatal(err)
			}
			want := origin + "\n" + strconv.FormatInt(size, 10) + "\n" + base64.StdEncoding.EncodeToString(root[:]) + "\n"
			if opened.Text != want || len(opened.Sigs) != 1 || len(opened.UnverifiedSigs) != 0 {
				t.Errorf("after %d lines the note is\n%swant\n%s", size, opened.Text, want)
			}
			checked++
		}
		hashes, err := tlog.StoredHashes(size, line, reader)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, hashes...)
		size++
	}
	if checked != 31 {
		t.Errorf("%d checkpoints", checked)
	}
	// And the other way: a note that the package note has signed is ours too.
	signer, err := note.NewSigner(strings.Join([]string{"PRIVATE", "KEY", origin,
		fmt.Sprintf("%08x", verifier.KeyHash()), base64.StdEncoding.EncodeToString(append([]byte{1}, private.Seed()...))}, "+"))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := note.Sign(&note.Note{Text: origin + "\n5\n" + base64.StdEncoding.EncodeToString(make([]byte, 32)) + "\n"}, signer)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := trail.NewVerifier(trail.VerifierKey(origin, private.Public().(ed25519.PublicKey)))
	if err != nil {
		t.Fatal(err)
	}
	if c, err := ours.Open(string(signed)); err != nil || c.Size != 5 {
		t.Errorf("%+v %v", c, err)
	}
}
