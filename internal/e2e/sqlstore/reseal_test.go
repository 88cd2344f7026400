package sqlstore_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/sqlstore"
)

// Reseal writes each row under the newest Secret, so that the former one can go.
func TestReseal(t *testing.T) {
	t.Parallel()
	s, db, _, c := small(t, server(t), 4, 9*time.Second)
	seed(t, s)
	former := c.Secrets[0]
	c.Secrets = [][]byte{bytes.Repeat([]byte("n"), 32), former}
	s, err := sqlstore.New(t.Context(), db, c)
	must(t, err)
	if rows, err := s.Reseal(t.Context()); rows < 3 || err != nil {
		t.Errorf("Reseal writes %d rows, %v", rows, err)
	}
	if rows, err := s.Reseal(t.Context()); rows != 0 || err != nil {
		t.Errorf("Reseal again: %d rows, %v", rows, err)
	}
	c.Secrets = c.Secrets[:1]
	s, err = sqlstore.New(t.Context(), db, c)
	must(t, err)
	recovers(t, s)
}
