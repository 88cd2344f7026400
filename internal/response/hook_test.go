package response_test

import (
	"maps"
	"net/http"
	"slices"
	"testing"

	"github.com/bulwark-go/bulwark/internal/response"
)

// apart is a foreign wrapper with a header of its own, as of an answer that is
// sent later or not at all.
type apart struct {
	foreign
	header http.Header
}

func (a apart) Header() http.Header { return a.header }

// A layer finds what a layer of its own kind has added outside a compressor,
// and not what belongs to another response.
func TestOuter(t *testing.T) {
	added := &noted{"outside"}
	outside, watch := response.Of(newBare())
	watch.BeforeHeader(added)
	inside, unhooked := response.Of(foreign{outside})
	if unhooked == watch {
		t.Fatal("one Writer for both")
	}
	deep := inside
	for range 20 {
		deep = foreign{deep}
	}
	for _, test := range []struct {
		name string
		w    http.ResponseWriter
		want *noted
		ok   bool
	}{
		{"the response itself", outside, added, true},
		{"inside a foreign wrapper", foreign{outside}, added, true},
		{"inside another Writer", inside, added, true},
		{"with a header of its own", apart{foreign{outside}, http.Header{}}, added, false},
		{"further in than is looked", deep, nil, false},
		{"without a Writer", newBare(), nil, false},
	} {
		if got, ok := response.Outer[*noted](test.w); got != test.want || ok != test.ok {
			t.Errorf("%s: %v %t, want %v %t", test.name, got, ok, test.want, test.ok)
		}
	}
}

// A refusal that has been recorded is remembered with its response.
func TestTell(t *testing.T) {
	w, watch := response.Of(newBare())
	if watch.Told() != 0 || watch.Hijacked() {
		t.Error("something is told before")
	}
	watch.Tell(http.StatusForbidden)
	if _, again := response.Of(w); again.Told() != http.StatusForbidden {
		t.Errorf("told %d", again.Told())
	}
}

// informer notes the informational responses and the final one.
type informer struct{ calls []string }

func (i *informer) BeforeHeader(http.Header, int) { i.calls = append(i.calls, "final") }
func (i *informer) BeforeInformation(http.Header) { i.calls = append(i.calls, "information") }

// A reverse proxy empties the header after an informational response. What a
// limit has set before comes back, unless the handler has set it anew, and
// nothing else does.
func TestLimitsSurviveAnInformationalResponse(t *testing.T) {
	inner := newBare()
	w, watch := response.Of(inner)
	hook := new(informer)
	watch.BeforeHeader(hook)
	w.Header().Set("RateLimit", `"address";r=9`)
	w.Header().Set("RateLimit-Policy", `"address";q=10`)
	w.Header().Set("Link", "</style.css>")
	w.WriteHeader(http.StatusEarlyHints)
	clear(w.Header())
	w.WriteHeader(http.StatusProcessing)
	w.Header().Set("RateLimit-Policy", `"backend";q=5`)
	w.WriteHeader(http.StatusOK)
	want := http.Header{"Ratelimit": {`"address";r=9`}, "Ratelimit-Policy": {`"backend";q=5`}}
	if !maps.EqualFunc(inner.header, want, slices.Equal) {
		t.Errorf("header %v, want %v", inner.header, want)
	}
	if !slices.Equal(hook.calls, []string{"information", "information", "final"}) {
		t.Errorf("the hook was called for %v", hook.calls)
	}
	if !slices.Equal(inner.status, []int{103, 102, 200}) || watch.Status() != 200 {
		t.Errorf("sent %v, status %d", inner.status, watch.Status())
	}
}
