package response_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/bulwark-go/bulwark/internal/response"
)

type notifier interface{ CloseNotify() <-chan bool }

// able has all optional methods, for embedding as one of them.
type able struct {
	withHijack
	gone   chan bool
	pushed []string
}

func (a *able) Flush()                   {}
func (a *able) CloseNotify() <-chan bool { return a.gone }
func (a *able) Push(target string, _ *http.PushOptions) error {
	a.pushed = append(a.pushed, target)
	return errFlush
}

// A handler that asks by type assertion gets what it would get without the
// layer, and nothing else.
func TestCaseTransport1OptionalMethods(t *testing.T) {
	b, a := newBare(), &able{withHijack: withHijack{newBare(), nil}, gone: make(chan bool, 1)}
	type (
		f = http.Flusher
		h = http.Hijacker
		n = notifier
		u = http.Pusher
	)
	for _, inner := range []http.ResponseWriter{
		b,
		struct {
			*bare
			f
		}{b, a},
		struct {
			*bare
			h
		}{b, a},
		struct {
			*bare
			n
		}{b, a},
		struct {
			*bare
			u
		}{b, a},
		struct {
			*bare
			f
			h
		}{b, a, a},
		struct {
			*bare
			f
			n
		}{b, a, a},
		struct {
			*bare
			f
			u
		}{b, a, a},
		struct {
			*bare
			h
			n
		}{b, a, a},
		struct {
			*bare
			h
			u
		}{b, a, a},
		struct {
			*bare
			n
			u
		}{b, a, a},
		struct { // HTTP/1
			*bare
			f
			h
			n
		}{b, a, a, a},
		struct {
			*bare
			f
			h
			u
		}{b, a, a, a},
		struct { // HTTP/2
			*bare
			f
			n
			u
		}{b, a, a, a},
		struct {
			*bare
			h
			n
			u
		}{b, a, a, a},
		struct {
			*bare
			f
			h
			n
			u
		}{b, a, a, a, a},
	} {
		_, flush := inner.(f)
		_, hijack := inner.(h)
		_, notify := inner.(n)
		_, push := inner.(u)
		t.Run(fmt.Sprintf("flush_%t_hijack_%t_notify_%t_push_%t", flush, hijack, notify, push), func(t *testing.T) {
			w, watch := response.Of(inner)
			if again, same := response.Of(w); again != w || same != watch {
				t.Error("a second Writer was installed")
			}
			if _, ok := w.(f); ok != flush {
				t.Errorf("Flusher %t", ok)
			}
			if _, ok := w.(n); ok != notify {
				t.Errorf("CloseNotifier %t", ok)
			} else if ok {
				a.gone <- true
				if !<-w.(n).CloseNotify() {
					t.Error("CloseNotify is not that of the inner writer")
				}
			}
			if pusher, ok := w.(u); ok != push {
				t.Errorf("Pusher %t", ok)
			} else if ok {
				a.pushed = nil
				if err := pusher.Push("/style.css", nil); err != errFlush || len(a.pushed) != 1 || a.pushed[0] != "/style.css" {
					t.Errorf("Push returned %v and pushed %v", err, a.pushed)
				}
			}
			if hijacker, ok := w.(h); ok != hijack {
				t.Errorf("Hijacker %t", ok)
			} else if ok {
				if _, _, err := hijacker.Hijack(); err != nil || !watch.Hijacked() {
					t.Errorf("Hijack: %v, noticed %t", err, watch.Hijacked())
				}
			}
		})
	}
}
