package sqlstore_test

import (
	"testing"

	"github.com/bulwark-go/bulwark/sqlstore"
)

// A body has a good MAC before it is read. A body that is cut short, or has
// something behind it, is an error all the same, and nothing panics.
func FuzzBodies(f *testing.F) {
	ofSession, ofKey := sqlstore.Bodies(login("a", "alice"), key("b", "bob"))
	f.Add(ofSession)
	f.Add(ofKey)
	f.Add([]byte{})
	f.Add([]byte{1})
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, body []byte) {
		_, _, session, key := sqlstore.ReadBodies(body)
		longer := append(append([]byte{}, body...), 0)
		if _, _, err, _ := sqlstore.ReadBodies(longer); session == nil && err == nil {
			t.Error("a body with something behind it is read as a session")
		}
		if _, _, _, err := sqlstore.ReadBodies(longer); key == nil && err == nil {
			t.Error("a body with something behind it is read as a key")
		}
	})
}

func TestBodiesThatAreCut(t *testing.T) {
	ofSession, ofKey := sqlstore.Bodies(login("a", "alice"), key("b", "bob"))
	if _, _, err, _ := sqlstore.ReadBodies(ofSession); err != nil {
		t.Error(err)
	}
	if _, _, _, err := sqlstore.ReadBodies(ofKey); err != nil {
		t.Error(err)
	}
	for n := range ofSession {
		if _, _, err, _ := sqlstore.ReadBodies(ofSession[:n]); err == nil {
			t.Errorf("%d of %d bytes of a session are read", n, len(ofSession))
		}
	}
	for n := range ofKey {
		if _, _, _, err := sqlstore.ReadBodies(ofKey[:n]); err == nil {
			t.Errorf("%d of %d bytes of a key are read", n, len(ofKey))
		}
	}
}
