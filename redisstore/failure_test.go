package redisstore_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/bulwark-go/bulwark/redisstore"
)

func TestErrorsOfRedis(t *testing.T) {
	for _, test := range []struct {
		text, cause string
		down        bool
	}{
		{"LOADING Redis is loading the dataset in memory", "LOADING", true},
		{"-LOADING Redis is loading the dataset in memory", "LOADING", true},
		{"BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", "BUSY", true},
		{"CLUSTERDOWN The cluster is down", "CLUSTERDOWN", true},
		{"CLUSTERDOWN Hash slot not served", "CLUSTERDOWN", true},
		{"TRYAGAIN Multiple keys request during rehashing of slot", "TRYAGAIN", true},
		{"MOVED 3999 127.0.0.1:6381", "MOVED", true},
		{"ASK 3999 127.0.0.1:6381", "ASK", true},
		{"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", "MASTERDOWN", true},
		{"READONLY You can't write against a read only replica.", "READONLY", true},
		{"READONLY You can't write against a read only replica. script: 1c6f, on @user_script:18.", "READONLY", true},
		{"ERR Error running script (call to f_1c6f): @user_script:18: @user_script: 18: -READONLY You can't write against a read only replica. ", "READONLY", true},
		{"Error running script (call to f_1c6f): @user_script:18: @user_script: 18: -OOM command not allowed when used memory > 'maxmemory'. ", "OOM", true},
		{"OOM command not allowed when used memory > 'maxmemory'.", "OOM", true},
		{"NOREPLICAS Not enough good replicas to write.", "NOREPLICAS", true},
		{"MISCONF Redis is configured to save RDB snapshots", "MISCONF", true},
		{"ERR max number of clients reached", "max", true},
		{"max number of clients reached", "max", true},
		{"NOPERM this user has no permissions to run the 'evalsha' command", "NOPERM", false},
		{"NOAUTH Authentication required.", "NOAUTH", false},
		{"WRONGPASS invalid username-password pair or user is disabled.", "WRONGPASS", false},
		{"WRONGTYPE Operation against a key holding the wrong kind of value", "WRONGTYPE", false},
		{"NOSCRIPT No matching script. Please use EVAL.", "NOSCRIPT", false},
		{"ERR unknown command 'EVALSHA', with args beginning with: 'secret'", "ERR", false},
		{"unknown command 'EVALSHA', with args beginning with: 'secret'", "ERR", false},
		{"ERR Error running script (call to f_1c6f): @user_script:18: secret", "ERR", false},
		{"CROSSSLOT Keys in request don't hash to the same slot", "CROSSSLOT", false},
		{"BULWARKENDS no end", "BULWARKENDS", false},
		{"BULWARKSTATE a key", "BULWARKSTATE", false},
		{"secret", "ERR", false}, {"", "ERR", false}, {"A", "ERR", false}, {strings.Repeat("A", 21), "ERR", false},
	} {
		cause, down := redisstore.Cause(errors.New(test.text))
		if cause != test.cause || down != test.down {
			t.Errorf("%q is %q, %t, want %q, %t", test.text, cause, down, test.cause, test.down)
		}
	}
}

// An error names what to do, and nothing that was sent or answered.
func TestTheErrorOfADebitHoldsNoSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		l := limits(t, f, nil)
		for _, answer := range []any{
			errors.New("ERR unknown command 'EVALSHA', with args beginning with: 'secret'"), "secret", []any{"secret"}, nil,
			errors.New("BULWARKSTATE secret"), errors.New("BULWARKENDS secret"), errors.New("OOM secret"),
		} {
			f.will(says(answer))
			_, ok, err := debit(t, l, ten("secret"))
			if ok || err == nil || strings.Contains(err.Error(), "secret") || !strings.HasPrefix(err.Error(), "redisstore: ") {
				t.Errorf("%v: %t, %v", answer, ok, err)
			}
		}
	})
}
