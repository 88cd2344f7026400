package sqlstore

import (
	"context"
	"fmt"
	"strings"
	"time"
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
