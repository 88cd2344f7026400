package trail_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/audit/trail"
)

// A log is written through a trail and verified by its public key.
func Example() {
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize)) // from your secrets
	var file bytes.Buffer                                                        // an *os.File, by Open
	log, err := trail.New(&file, trail.Config{Origin: "api.example.com/audit", Signer: private, MaxUnsigned: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	logger := slog.New(slog.NewJSONHandler(log, nil)) // for audit.Config.Logger
	for _, user := range []string{"alice", "mallory", "bob"} {
		logger.Warn("security event", "event", "authz_fail", "userId", user)
	}
	if err := log.Close(); err != nil { // with the last checkpoint
		fmt.Println(err)
		return
	}

	key := trail.VerifierKey("api.example.com/audit", private.Public().(ed25519.PublicKey))
	verifier, err := trail.NewVerifier(key)
	if err != nil {
		fmt.Println(err)
		return
	}
	report, err := verifier.Verify(bytes.NewReader(file.Bytes()))
	fmt.Println(report.Checkpoints, "checkpoints,", report.Unsigned, "lines unsigned,", err)

	edited := bytes.Replace(file.Bytes(), []byte("mallory"), []byte("charlie"), 1)
	_, err = verifier.Verify(bytes.NewReader(edited))
	var fault *trail.Fault
	fmt.Println(errors.As(err, &fault), fault)
	// Output:
	// 2 checkpoints, 0 lines unsigned, <nil>
	// true line 2: edited: 1 line in place of 1 line that the trail has written
}

// The audit layer writes its events through a trail. Stats tells how much of the
// log is signed.
func Example_audit() {
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize)) // from your secrets
	var file bytes.Buffer                                                        // an *os.File, by Open
	log, err := trail.New(&file, trail.Config{Origin: "api.example.com/audit", Signer: private})
	if err != nil {
		fmt.Println(err)
		return
	}
	layer, err := audit.New(audit.Config{Sinks: []slog.Handler{slog.NewJSONHandler(log, nil)}})
	if err != nil {
		fmt.Println(err)
		return
	}
	service := layer.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		bulwark.Report(r, bulwark.Event{Name: bulwark.AuthzAdmin, Reason: "users.export"})
	}))
	service.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/users", nil))

	layer.Shutdown(context.Background()) // first the layer, which writes what waits
	now := log.Stats()
	fmt.Println(now.Lines, "line,", now.Unsigned, "unsigned")
	log.Close() // then the trail, with its last checkpoint
	now = log.Stats()
	fmt.Println(now.Lines, "lines,", now.Unsigned, "unsigned")
	fmt.Println(bytes.Contains(file.Bytes(), []byte(`"event":"authz_admin"`)))
	// Output:
	// 1 line, 1 unsigned
	// 2 lines, 0 unsigned
	// true
}

// New says everything that is wrong with a Config at once.
func ExampleNew_incorrect() {
	_, err := trail.New(new(bytes.Buffer), trail.Config{Origin: "https://api.example.com", MaxUnsigned: 100_000})
	fmt.Println(err)
	// Output:
	// trail.Origin: has a scheme; leave it out, as in api.example.com/audit
	// trail.Signer: is missing; set it to an ed25519.PrivateKey or a crypto.Signer with such a key
	// trail.MaxUnsigned: 100000: must be 1 to 10000 lines; leave it out for 1000
}
