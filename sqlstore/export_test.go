package sqlstore

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/auth/session"
)

// StepClock moves the clock of the store, for tests only: the clock of a
// database may be set back by a failover.
func (s *Store) StepClock(d time.Duration) error {
	s.shift += d.Microseconds()
	clock := dialectOf(s.config).words["clock"]
	for _, st := range s.sql.every() {
		st.text = strings.ReplaceAll(st.text, clock, fmt.Sprintf("(%d + %s)", d.Microseconds(), clock))
		if st.prepared != nil {
			prepared, err := s.db.PrepareContext(context.Background(), st.text)
			if err != nil {
				return err
			}
			st.prepared.Close()
			st.prepared = prepared
		}
	}
	return nil
}

func (s *statements) every() []*statement {
	all := s.all()
	for i := range s.quotaGets[1:] {
		all = append(all, &s.quotaGets[1+i])
	}
	return all
}

// StepHere moves the clock of the process that the Store sees.
func (s *Store) StepHere(d time.Duration) { s.here = func() time.Time { return time.Now().Add(d) } }

// ReadBodies reads a body as that of a session and of a key.
func ReadBodies(body []byte) (session.Session, apikey.Record, error, error) {
	var s session.Session
	var rec apikey.Record
	return s, rec, readSession(&s, body), readKey(&rec, body)
}

// Bodies returns the bodies of a session and of a key.
func Bodies(s session.Session, rec apikey.Record) (ofSession, ofKey []byte) {
	return sessionBody(&s), keyBody(&rec)
}
