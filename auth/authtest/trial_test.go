package authtest_test

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/dpop"
	"github.com/bulwark-go/bulwark/auth/session"
)

// childEnv tells a process of this test which suite it is to fail in.
const childEnv = "AUTHTEST_CHILD"

// A store that breaks the rules fails the test of whoever uses the suite. That
// needs a test that fails, in a process of its own.
func TestAFaultFailsTheTest(t *testing.T) {
	revocations := func(t *testing.T) {
		authtest.TestRevocations(t, func(*testing.T) auth.Revocations { return &flawed{flaws: flaws{forgetsAtOnce: true}} })
	}
	replays := func(t *testing.T) {
		authtest.TestReplays(t, func(*testing.T) dpop.Replays { return &flawedReplays{replayFlaws: replayFlaws{alwaysFirst: true}} })
	}
	sessions := func(t *testing.T) {
		authtest.TestSessionStore(t, func(*testing.T) session.Store {
			f := &flawedSessions{MemoryStore: &session.MemoryStore{}}
			theLastWins(f)
			return f
		})
	}
	keys := func(t *testing.T) {
		authtest.TestKeyStore(t, func(*testing.T) apikey.Store {
			f := &flawedKeys{MemoryStore: &apikey.MemoryStore{}}
			marksBy(marksAlways)(f)
			return f
		})
	}
	for name, test := range map[string]struct {
		run  func(t *testing.T)
		says string
	}{
		"revocations":           {revocations, "--- FAIL: TestAFaultFailsTheTest/token"},
		"revocations-in-bubble": {func(t *testing.T) { synctest.Test(t, revocations) }, "token: the token: revoked false, want true"},
		"replays":               {replays, "--- FAIL: TestAFaultFailsTheTest/once"},
		"replays-in-bubble":     {func(t *testing.T) { synctest.Test(t, replays) }, "once: the id again: first true, want false"},
		"sessions":              {sessions, "--- FAIL: TestAFaultFailsTheTest/versions"},
		"sessions-in-bubble":    {func(t *testing.T) { synctest.Test(t, sessions) }, "concurrent-updates: of 64 Updates from one Version 64 succeed"},
		"keys":                  {keys, "--- FAIL: TestAFaultFailsTheTest/marks"},
		"keys-in-bubble":        {func(t *testing.T) { synctest.Test(t, keys) }, "marks: Mark used after 0s, every 1m0s: true, <nil>, want false"},
	} {
		switch os.Getenv(childEnv) {
		case name:
			test.run(t)
			return
		case "":
		default:
			continue
		}
		t.Run(name, func(t *testing.T) {
			only := "^TestAFaultFailsTheTest$" // and of the rules the one that is broken, to wait for none
			if _, rule, ok := strings.Cut(test.says, "TestAFaultFailsTheTest/"); ok {
				only += "/^" + rule + "$"
			}
			child := exec.CommandContext(t.Context(), os.Args[0], "-test.run="+only, "-test.timeout=5m")
			child.Env = append(os.Environ(), childEnv+"="+name)
			out, err := child.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(string(out), test.says) {
				t.Errorf("%v, want a test that fails with %q:\n%s", err, test.says, out)
			}
		})
	}
}
