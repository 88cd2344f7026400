package recipes

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/audit/trail"
)

const logName = "api.example.com/audit"

// newTrailKey makes the key of a trail in a file. It returns the public text
// that trailverify wants.
func newTrailKey(file string) (public string, err error) {
	publicKey, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return "", err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", err
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if err := os.WriteFile(file, block, 0o600); err != nil {
		return "", err
	}
	return trail.VerifierKey(logName, publicKey), nil
}

// trailKey reads the key.
func trailKey(file string) (ed25519.PrivateKey, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, errors.New(file + " is not PEM")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, errors.New(file + " does not have an Ed25519 key")
	}
	return key, nil
}

// A trailLog is the log file and the trail in it.
type trailLog struct {
	*trail.Writer
	file *os.File
}

// openTrail goes on with a log, or begins it.
func openTrail(name string, key ed25519.PrivateKey, witness func(trail.Checkpoint)) (*trailLog, error) {
	file, err := os.OpenFile(name, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	w, report, err := trail.Open(file, trail.Config{
		Origin:       logName,
		Signer:       key,
		OnCheckpoint: witness,
	})
	if err != nil {
		file.Close()
		return nil, err
	}
	if report.Unsigned > 0 || report.Torn {
		slog.Warn("the program did not end in order", "log", name,
			"unsignedLines", report.Unsigned, "torn", report.Torn)
	}
	return &trailLog{w, file}, nil
}

// recordInto is the audit layer on top of it.
func recordInto(log *trailLog) audit.Config {
	return audit.Config{Sinks: []slog.Handler{slog.NewJSONHandler(log, nil)}}
}

// A witness sends checkpoints to another machine.
type witness struct {
	notes chan string
	send  func(note string) error // such as a POST to the witness
}

// Keep is for OnCheckpoint: it does not wait. A checkpoint stands for all
// lines before it, so that a later one makes up for one that is left out.
func (w *witness) Keep(c trail.Checkpoint) {
	select {
	case w.notes <- c.Note:
	default:
	}
}

// Run sends until the context ends.
func (w *witness) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case note := <-w.notes:
			if err := w.send(note); err != nil {
				slog.Error("the witness has not taken a checkpoint", "error", err)
			}
		}
	}
}

// Rotate goes on in another file. Call it once a day, or when the file is
// large. It does not rename or copy the file that it leaves.
func (l *trailLog) Rotate(name string) error {
	next, err := os.OpenFile(name, os.O_RDWR|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := l.Writer.Rotate(next); err != nil {
		next.Close()
		os.Remove(name)
		return err
	}
	before := l.file
	l.file = next
	return before.Close()
}

// denied is a request that leaves a record.
func denied(t *testing.T, c audit.Config, requests int) {
	t.Helper()
	m, err := audit.New(c)
	if err != nil {
		t.Fatal(err)
	}
	h := m.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		bulwark.Report(r, bulwark.Event{Name: bulwark.AuthzFail, Reason: "documents.stranger"})
	}))
	for range requests {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/documents/1", nil))
	}
	if err := m.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// The key file, the log, its rotation, the witness and the program that
// verifies work together.
func TestTrailFromKeyToVerify(t *testing.T) {
	dir := t.TempDir()
	verify := verifyProgram(t, dir)
	keyFile := filepath.Join(dir, "trail.key")
	public, err := newTrailKey(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(keyFile); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key file: %v %v", info, err)
	}
	key, err := trailKey(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	kept := &witness{notes: make(chan string, 100)}
	log, err := openTrail(filepath.Join(dir, "audit-1.log"), key, kept.Keep)
	if err != nil {
		t.Fatal(err)
	}
	denied(t, recordInto(log), 3)
	if err := log.Rotate(filepath.Join(dir, "audit-2.log")); err != nil {
		t.Fatal(err)
	}
	if err := log.Rotate(filepath.Join(dir, "audit-2.log")); !errors.Is(err, os.ErrExist) {
		t.Errorf("rotated into a file that is there: %v", err)
	}
	denied(t, recordInto(log), 2)
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	var note string
	for range len(kept.notes) {
		note = <-kept.notes
	}
	if err := os.WriteFile(filepath.Join(dir, "note"), []byte(note), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := verify(public, "-known", "note", "audit-1.log", "audit-2.log"); out != "ok: 9 lines, 4 checkpoints, the last after 8 lines\n" {
		t.Errorf("%s", out)
	}
	// The next start goes on.
	log, err = openTrail(filepath.Join(dir, "audit-2.log"), key, kept.Keep)
	if err != nil {
		t.Fatal(err)
	}
	denied(t, recordInto(log), 1)
	log.Close()
	if out := verify(public, "audit-1.log", "audit-2.log"); out != "ok: 11 lines, 5 checkpoints, the last after 10 lines\n" {
		t.Errorf("%s", out)
	}
}

// verifyProgram builds trailverify. What it returns runs it in a folder.
func verifyProgram(t *testing.T, dir string) func(key string, args ...string) string {
	t.Helper()
	program := filepath.Join(dir, "trailverify")
	if out, err := exec.Command("go", "build", "-o", program, "github.com/bulwark-go/bulwark/audit/trail/cmd/trailverify").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return func(key string, args ...string) string {
		t.Helper()
		cmd := exec.Command(program, append([]string{"-key", key}, args...)...)
		cmd.Dir = dir
		out, err := cmd.Output()
		var exit *exec.ExitError
		if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) || (err == nil) != strings.HasPrefix(string(out), "ok: ") {
			t.Fatalf("%q: %v", args, err)
		}
		return string(out)
	}
}

// What the page shows is what the program says.
func TestTrailVerdicts(t *testing.T) {
	const page = `
audit.log:2: edited: 1 line in place of 1 line that the trail has written
audit.log:2: removed: 1 line missing before this line
audit.log:2: inserted: 1 line not written by the trail
audit.log:2: reordered: 2 lines stand in another order
audit.log:9: truncated: the log ends after 8 lines, and a checkpoint after 11 is known
audit.log:1: foreign: there is no checkpoint of this key in 3 lines
`
	const fine = `
ok: 12 lines, 3 checkpoints, the last after 11 lines
`
	const tail = `
ok: 14 lines, 3 checkpoints, the last after 11 lines; 2 lines behind it are not signed; the last line has no end, as after a crash
`
	dir := t.TempDir()
	verify := verifyProgram(t, dir)
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	public := trail.VerifierKey(logName, key.Public().(ed25519.PublicKey))
	var out bytes.Buffer
	var note string
	w, err := trail.New(&out, trail.Config{Origin: logName, Signer: key, MaxUnsigned: 3, OnCheckpoint: func(c trail.Checkpoint) { note = c.Note }})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 9 {
		fmt.Fprintf(w, "record %d\n", i)
	}
	w.Close()
	lines := slices.Collect(strings.Lines(out.String()))
	with := func(name string, lines ...string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Join(lines, "")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	with("note", note)
	got := "\n"
	for _, log := range [][]string{
		slices.Replace(slices.Clone(lines), 1, 2, "record ?\n"),
		slices.Delete(slices.Clone(lines), 1, 2),
		slices.Insert(slices.Clone(lines), 1, "a line more\n"),
		slices.Replace(slices.Clone(lines), 1, 3, lines[2], lines[1]),
		lines[:8],
		{"other\n", "lines\n", "instead\n"},
	} {
		with("audit.log", log...)
		args := []string{"audit.log"}
		if len(log) == 8 {
			args = []string{"-known", "note", "audit.log"}
		}
		got += verify(public, args...)
	}
	if got != page {
		t.Errorf("the program says%swant%s", got, page)
	}
	with("audit.log", lines...)
	if got := "\n" + verify(public, "audit.log"); got != fine {
		t.Errorf("the program says%swant%s", got, fine)
	}
	with("audit.log", append(lines, "late\n", "half")...)
	if got := "\n" + verify(public, "audit.log"); got != tail {
		t.Errorf("the program says%swant%s", got, tail)
	}
	// The commands of the page.
	const commands = `
trailverify -key "$KEY" audit-1.log audit-2.log audit-3.log
trailverify -key "$KEY" -known last.note audit-1.log audit-2.log audit-3.log
trailverify -key "$KEY" -continued audit-3.log
`
	for line := range strings.Lines(strings.TrimSpace(commands)) {
		if !strings.HasPrefix(line, "trailverify -key ") {
			t.Error(line)
		}
	}
}

// A witness that hangs does not stop the log, and gets the later checkpoints.
func TestAWitnessThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang, sent := make(chan bool), []string{}
		kept := &witness{notes: make(chan string, 1), send: func(note string) error {
			<-hang
			sent = append(sent, note)
			return nil
		}}
		ctx, cancel := context.WithCancel(context.Background())
		go kept.Run(ctx)
		key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
		var last trail.Checkpoint
		w, err := trail.New(io.Discard, trail.Config{Origin: logName, Signer: key, MaxUnsigned: 1,
			OnCheckpoint: func(c trail.Checkpoint) { last = c; kept.Keep(c) }})
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			if _, err := io.WriteString(w, "record\n"); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		close(hang)
		synctest.Wait()
		io.WriteString(w, "record\n")
		synctest.Wait()
		if len(sent) != 3 || sent[2] != last.Note {
			t.Errorf("%d notes were sent, the last is the last: %v", len(sent), sent[len(sent)-1] == last.Note)
		}
		cancel()
		synctest.Wait()
	})
}
