package fault_test

import (
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/internal/fault"
)

func TestBounds(t *testing.T) {
	const number, span = "must be 2 to 9, or 0 for the default of 5", "must be 1s to 1m0s, or 0 for the default of 10s"
	for _, test := range []struct {
		value, want int
		fault       string
	}{
		{0, 5, ""}, {2, 2, ""}, {9, 9, ""}, {1, 1, `test.Max: 1: ` + number}, {10, 10, `test.Max: 10: ` + number}, {-1, -1, `test.Max: -1: ` + number},
	} {
		l := fault.In("test")
		if got := l.Number("Max", test.value, 2, 9, 5); got != test.want || text(l.Err()) != test.fault {
			t.Errorf("%d is %d, %v", test.value, got, l.Err())
		}
	}
	for _, test := range []struct {
		value, want time.Duration
		fault       string
	}{
		{0, 10 * time.Second, ""}, {time.Second, time.Second, ""}, {time.Minute, time.Minute, ""},
		{1, 1, `test.Every: 1ns: ` + span}, {time.Hour, time.Hour, `test.Every: 1h0m0s: ` + span}, {-1, -1, `test.Every: -1ns: ` + span},
	} {
		l := fault.In("test")
		if got := l.Span("Every", test.value, time.Second, time.Minute, 10*time.Second); got != test.want || text(l.Err()) != test.fault {
			t.Errorf("%v is %v, %v", test.value, got, l.Err())
		}
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// A default of 0 means that there is no bound, and the text says so.
func TestBoundWithoutDefault(t *testing.T) {
	l := fault.In("test")
	l.Span("Timeout", time.Minute, time.Millisecond, time.Second, 0)
	if got := text(l.Err()); got != "test.Timeout: 1m0s: must be 1ms to 1s, or 0 for none" {
		t.Error(got)
	}
}
