package bulwark_test

import (
	"fmt"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/bulwark-go/bulwark"
)

var (
	numbers            [8]bulwark.Slot[int]
	first, second      bulwark.Slot[string]
	pointer            bulwark.Slot[*int]
	uncomparableValues bulwark.Slot[[]int]
)

// However many slots a program declares, none is silently full, and none takes
// another's value.
// Case root-7.
func TestSlotsNeverClash(t *testing.T) {
	_, s := bulwark.Enter(httptest.NewRequest("GET", "/", nil))
	for i := range numbers {
		if v, ok := numbers[i].Get(s); ok || v != 0 {
			t.Fatalf("slot %d holds %d before it was set", i, v)
		}
		numbers[i].Set(s, i+1)
	}
	first.Set(s, "first")
	uncomparableValues.Set(s, []int{1})
	uncomparableValues.Set(s, []int{2})
	numbers[7].Set(s, 70)
	numbers[0].Set(s, 10)
	for i := range numbers {
		want := i + 1
		switch i {
		case 0:
			want = 10
		case 7:
			want = 70
		}
		if v, ok := numbers[i].Get(s); !ok || v != want {
			t.Errorf("slot %d holds %d, want %d", i, v, want)
		}
	}
	if v, ok := first.Get(s); !ok || v != "first" {
		t.Errorf("first holds %q", v)
	}
	if v, ok := second.Get(s); ok || v != "" {
		t.Errorf("second holds %q", v)
	}
	if v, _ := uncomparableValues.Get(s); len(v) != 1 || v[0] != 2 {
		t.Errorf("list holds %v", v)
	}
	pointer.Set(s, nil)
	if v, ok := pointer.Get(s); !ok || v != nil {
		t.Errorf("pointer holds %v, %v: nil was set", v, ok)
	}
}

// A slot belongs to the request: all of its scopes see it, no sub-request does.
func TestSlotsBelongToTheRequest(t *testing.T) {
	r, s := bulwark.Enter(httptest.NewRequest("GET", "/", nil))
	inside, scope := bulwark.Identify(r, alice())
	first.Set(scope, "inside")
	if v, _ := first.Get(s); v != "inside" {
		t.Errorf("outside sees %q", v)
	}
	_, sub := bulwark.Enter(httptest.NewRequestWithContext(inside.Context(), "GET", "/", nil))
	if v, ok := first.Get(sub); ok {
		t.Errorf("a sub-request sees %q", v)
	}
	first.Set(sub, "sub")
	if v, _ := first.Get(s); v != "inside" {
		t.Errorf("a sub-request changed the value to %q", v)
	}
}

// Run with -race.
func TestSlotsAtOnce(t *testing.T) {
	_, s := bulwark.Enter(httptest.NewRequest("GET", "/", nil))
	var all sync.WaitGroup
	for i := range numbers {
		all.Go(func() {
			for range 100 {
				numbers[i].Set(s, i)
				if v, ok := numbers[i].Get(s); !ok || v != i {
					t.Error(fmt.Sprint("slot ", i, " holds ", v))
				}
			}
		})
	}
	all.Wait()
}
