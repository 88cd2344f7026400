package redisstore

import (
	"time"

	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/auth/session"
)

// sealedBy is a Store that only seals and opens.
func sealedBy(secret []byte) *Store {
	s := &Store{sealer: newSealer("test", [][]byte{secret})}
	s.sessions, s.keys = sessions{s, &table{store: s, kind: sealedSession}}, keys{s, &table{store: s, kind: sealedKey}}
	return s
}

const rowHead = "000000000000000100000000000000020000000000000003"

// OpenSession reads content of a row that has a good MAC.
func OpenSession(secret []byte, content string) (session.Session, error) {
	s := sealedBy(secret)
	names := names(digest("any"))
	return s.sessions.open("id", rowHead+names+s.sealer.seal(sealedSession, "id", names, []byte(content)), 4)
}

// SessionContent is the content of the row of a session, without its MAC.
func SessionContent(secret []byte, v session.Session) string {
	content, _, err := sealedBy(secret).sessionsContent(&v)
	if err != nil {
		panic(err)
	}
	return content[:len(content)-macLength]
}

func (s *Store) sessionsContent(v *session.Session) (string, string, error) {
	return s.sessions.content(v)
}

// OpenKey reads content of a row that has a good MAC.
func OpenKey(secret []byte, content string) (apikey.Record, error) {
	s := sealedBy(secret)
	names := names(digest("any"))
	return s.keys.open("id", rowHead+names+s.sealer.seal(sealedKey, "id", names, []byte(content)))
}

// KeyContent is the content of the row of a key, without its MAC.
func KeyContent(secret []byte, v apikey.Record) string {
	content, _, err := sealedBy(secret).keys.content(&v)
	if err != nil {
		panic(err)
	}
	return content[:len(content)-macLength]
}

// StepHere moves the clock of the process that the Store sees.
func (s *Store) StepHere(d time.Duration) { s.here = func() time.Time { return time.Now().Add(d) } }
