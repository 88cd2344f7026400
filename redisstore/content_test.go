package redisstore_test

import (
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/redisstore"
)

// A row of another version of the package has a good MAC and another content.
// It is an error, and never a panic or a row that lacks something.
func TestContentOfAnotherVersion(t *testing.T) {
	session, key := redisstore.SessionContent(secret(1), loginOf("id", "alice")), redisstore.KeyContent(secret(1), keyOf("id", "alice"))
	for i := range len(session) {
		if _, err := redisstore.OpenSession(secret(1), session[:i]); err == nil {
			t.Errorf("a session that was cut at %d is read", i)
		}
	}
	for i := range len(key) {
		if _, err := redisstore.OpenKey(secret(1), key[:i]); err == nil {
			t.Errorf("a key that was cut at %d is read", i)
		}
	}
	for _, more := range []string{"x", "\x00"} {
		if _, err := redisstore.OpenSession(secret(1), session+more); err == nil {
			t.Error("a session with more at its end is read")
		}
		if _, err := redisstore.OpenKey(secret(1), key+more); err == nil {
			t.Error("a key with more at its end is read")
		}
	}
}

func FuzzContent(f *testing.F) {
	f.Add(redisstore.SessionContent(secret(1), loginOf("id", "alice")))
	f.Add(redisstore.KeyContent(secret(1), keyOf("id", "alice")))
	f.Add("0000000001" + strings.Repeat("\xff", 40))
	f.Fuzz(func(t *testing.T, content string) {
		if s, err := redisstore.OpenSession(secret(1), content); err == nil {
			again, err := redisstore.OpenSession(secret(1), redisstore.SessionContent(secret(1), s))
			if err != nil || again.Subject != s.Subject || again.Hash != s.Hash || !again.ExpiresAt.Equal(s.ExpiresAt) {
				t.Errorf("%+v is read again as %+v, %v", s, again, err)
			}
		}
		if k, err := redisstore.OpenKey(secret(1), content); err == nil {
			again, err := redisstore.OpenKey(secret(1), redisstore.KeyContent(secret(1), k))
			if err != nil || again.Subject != k.Subject || len(again.Secrets) != len(k.Secrets) || !again.RevokedAt.Equal(k.RevokedAt) {
				t.Errorf("%+v is read again as %+v, %v", k, again, err)
			}
		}
	})
}
