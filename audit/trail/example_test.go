package trail_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"

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

// New says everything that is wrong with a Config at once.
func ExampleNew_incorrect() {
	_, err := trail.New(new(bytes.Buffer), trail.Config{Origin: "https://api.example.com", MaxUnsigned: 100_000})
	fmt.Println(err)
	// Output:
	// trail.Origin: has a scheme; leave it out, as in api.example.com/audit
	// trail.Signer: is missing; set it to an ed25519.PrivateKey or a crypto.Signer with such a key
	// trail.MaxUnsigned: 100000: must be 1 to 10000 lines; leave it out for 1000
}
