package headers_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/headers"
)

func TestInsideAnother(t *testing.T) {
	page := headers.Config{Preset: headers.HTML, Endpoints: map[string]string{"csp": "/r"}}
	bare := headers.Config{InsecureOmit: []string{"Cache-Control", "X-Frame-Options"}}
	t.Run("api_inside_html", func(t *testing.T) {
		got := get(t, "https://a.example/", func(_ http.ResponseWriter, r *http.Request) {
			if nonce := headers.Nonce(r.Context()); nonce != "" {
				t.Errorf("the nonce of the outer layer is left: %q", nonce)
			}
		}, page, headers.Config{})
		if !reflect.DeepEqual(got, api()) {
			t.Errorf("header is\n%v\nwant that of an API", got)
		}
	})
	t.Run("html_inside_api", func(t *testing.T) {
		var nonce string
		got := get(t, "https://a.example/", func(_ http.ResponseWriter, r *http.Request) { nonce = headers.Nonce(r.Context()) }, headers.Config{}, page)
		if nonce == "" || !strings.Contains(got.Get("Content-Security-Policy"), nonce) || got.Get("Cross-Origin-Opener-Policy") != "same-origin" ||
			len(got["Content-Security-Policy"]) != 1 {
			t.Errorf("header is %v with nonce %q", got, nonce)
		}
	})
	t.Run("omitting_inside", func(t *testing.T) {
		got := get(t, "https://a.example/", nothing, page, bare)
		if want := without(api(), "Cache-Control", "X-Frame-Options"); !reflect.DeepEqual(got, want) {
			t.Errorf("header is\n%v\nwant\n%v", got, want)
		}
	})
	t.Run("three_deep", func(t *testing.T) {
		if got := get(t, "https://a.example/", nothing, bare, page, headers.Config{}); !reflect.DeepEqual(got, api()) {
			t.Errorf("header is\n%v\nwant that of an API", got)
		}
	})
	t.Run("others_stay", func(t *testing.T) {
		outer := bulwark.LayerFunc(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Permissions-Policy", "camera=()")
				next.ServeHTTP(w, r)
			})
		})
		if got := get(t, "https://a.example/", nothing, outer, headers.Config{}); !reflect.DeepEqual(got, with(api(), "Permissions-Policy", "camera=()")) {
			t.Errorf("header is\n%v", got)
		}
	})
}

// A handler that sends itself a request answers with its own headers.
func TestSubRequest(t *testing.T) {
	inner := bulwark.Must(bulwark.Chain(headers.Config{Preset: headers.HTML})).Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, headers.Nonce(r.Context()))
	}))
	var before, after, sub string
	var subHeader http.Header
	got := get(t, "https://a.example/", func(_ http.ResponseWriter, r *http.Request) {
		before = headers.Nonce(r.Context())
		w := httptest.NewRecorder()
		inner.ServeHTTP(w, httptest.NewRequest("GET", "/part", nil).WithContext(r.Context()))
		sub, subHeader = w.Body.String(), w.Header()
		after = headers.Nonce(r.Context())
	}, headers.Config{Preset: headers.HTML})
	if before == "" || before != after || !strings.Contains(got.Get("Content-Security-Policy"), before) {
		t.Errorf("nonce is %q before and %q after, policy %q", before, after, got.Get("Content-Security-Policy"))
	}
	if sub == "" || sub == before || !strings.Contains(subHeader.Get("Content-Security-Policy"), sub) {
		t.Errorf("nonce of the sub-request is %q, policy %q", sub, subHeader.Get("Content-Security-Policy"))
	}
}

// A sub-request, however it ends and whatever runs beside it, has its own nonce
// and leaves that of the outer response alone.
func TestSubRequestsApart(t *testing.T) {
	page := headers.Config{Preset: headers.HTML}
	identify := bulwark.LayerFunc(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r, _ = bulwark.Identify(r, &bulwark.Principal{Subject: "somebody"})
			next.ServeHTTP(w, r)
		})
	})
	send := func(ctx context.Context, layers []bulwark.Builder, handler http.HandlerFunc) {
		w := httptest.NewRecorder()
		bulwark.Must(bulwark.Chain(layers...)).Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			handler(w, r)
			if nonce := headers.Nonce(r.Context()); nonce == "" || !strings.Contains(w.Header().Get("Content-Security-Policy"), nonce) {
				t.Errorf("nonce is %q, policy %q", nonce, w.Header().Get("Content-Security-Policy"))
			}
		})).ServeHTTP(w, httptest.NewRequest("GET", "/part", nil).WithContext(ctx))
	}
	for _, test := range []struct {
		name   string
		layers []bulwark.Builder
	}{
		{"page", []bulwark.Builder{page}},
		{"identity_inside", []bulwark.Builder{page, identify}},
		{"identity_outside", []bulwark.Builder{identify, page}},
		{"identity_between", []bulwark.Builder{headers.Config{}, identify, page}},
	} {
		t.Run(test.name, func(t *testing.T) {
			get(t, "https://a.example/", func(w http.ResponseWriter, r *http.Request) {
				before := headers.Nonce(r.Context())
				func() {
					defer func() { recover() }()
					send(r.Context(), test.layers, func(http.ResponseWriter, *http.Request) { panic("handler") })
				}()
				if after := headers.Nonce(r.Context()); after != before {
					t.Errorf("the nonce is %q after a panic, and was %q", after, before)
				}
				var arrived, left sync.WaitGroup
				arrived.Add(4)
				for range 4 {
					left.Go(func() {
						send(r.Context(), test.layers, func(w http.ResponseWriter, r *http.Request) {
							arrived.Done()
							arrived.Wait()
							send(r.Context(), test.layers, nothing)
						})
					})
				}
				left.Wait()
				if after := headers.Nonce(r.Context()); after != before || !strings.Contains(w.Header().Get("Content-Security-Policy"), before) {
					t.Errorf("the nonce is %q after the sub-requests, and was %q", after, before)
				}
			}, page, identify)
		})
	}
}

// Without a layer around the handler a Header map of its own is enough.
func TestSubRequestsWithoutOuterLayer(t *testing.T) {
	page := bulwark.Must(headers.New(headers.Config{Preset: headers.HTML}))
	handler := func(_ http.ResponseWriter, r *http.Request) {
		var arrived, left sync.WaitGroup
		arrived.Add(8)
		for range 8 {
			left.Go(func() {
				w := httptest.NewRecorder()
				page.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					arrived.Done()
					arrived.Wait()
					if nonce := headers.Nonce(r.Context()); nonce == "" || !strings.Contains(w.Header().Get("Content-Security-Policy"), nonce) {
						t.Errorf("nonce is %q, policy %q", nonce, w.Header().Get("Content-Security-Policy"))
					}
				})).ServeHTTP(w, r.Clone(r.Context()))
			})
		}
		left.Wait()
		if nonce := headers.Nonce(r.Context()); nonce != "" {
			t.Errorf("the handler around has the nonce %q of a sub-request", nonce)
		}
	}
	get(t, "https://a.example/", handler, outside)
}

func TestCacheControlSurvives(t *testing.T) {
	const none = "-"
	for _, test := range []struct {
		name    string
		config  headers.Config
		handler http.HandlerFunc
		status  int
		want    string
	}{
		{"content", headers.Config{}, func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "a.txt", time.Time{}, strings.NewReader("0123456789"))
		}, 200, "no-store"},
		{"bad_range", headers.Config{}, func(w http.ResponseWriter, r *http.Request) {
			r.Header.Set("Range", "bytes=100-")
			http.ServeContent(w, r, "a.txt", time.Time{}, strings.NewReader("0123456789"))
		}, 416, "no-store"},
		{"bad_range_of_a_public_file", headers.Config{}, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "public, max-age=60")
			r.Header.Set("Range", "bytes=100-")
			http.ServeContent(w, r, "a.txt", time.Time{}, strings.NewReader("0123456789"))
		}, 416, "no-store"},
		{"own_value", headers.Config{CacheControl: "private"}, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Del("Cache-Control")
			http.Error(w, "no", 500)
		}, 500, "private"},
		{"handler_has_the_last_word", headers.Config{}, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "public, max-age=60")
		}, 200, "public, max-age=60"},
		{"deleted_and_nothing_written", headers.Config{}, func(w http.ResponseWriter, r *http.Request) { w.Header().Del("Cache-Control") }, 200, "no-store"},
		{"omitted", headers.Config{InsecureOmit: []string{"Cache-Control"}}, func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", 500) }, 500, none},
		{"omitted_inside", headers.Config{}, bulwark.Must(bulwark.Chain(headers.Config{InsecureOmit: []string{"Cache-Control"}})).
			Wrap(http.NotFoundHandler()).ServeHTTP, 404, none},
	} {
		t.Run(test.name, func(t *testing.T) {
			// On a real connection: what the recorder calls a header might not be sent.
			server := httptest.NewServer(bulwark.Must(bulwark.Chain(test.config)).Wrap(test.handler))
			defer server.Close()
			res, err := http.Get(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			got := strings.Join(res.Header["Cache-Control"], "|")
			if got == "" {
				got = none
			}
			if res.StatusCode != test.status || got != test.want {
				t.Errorf("status %d with Cache-Control %q, want %d with %q", res.StatusCode, got, test.status, test.want)
			}
		})
	}
}

// One handler must not be able to change the headers of another's response.
func TestSlicesAreOnesOwn(t *testing.T) {
	for _, preset := range []headers.Preset{headers.API, headers.HTML} {
		t.Run(preset.String(), func(t *testing.T) {
			stack := bulwark.Must(bulwark.Chain(headers.Config{Preset: preset}))
			poison := func(w http.ResponseWriter, r *http.Request) {
				for name, values := range w.Header() {
					values[0] = "poison"
					w.Header()[name] = append(values, "more")
				}
			}
			var clean http.Header
			stack.Wrap(http.HandlerFunc(poison)).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "https://a.example/", nil))
			stack.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { clean = w.Header().Clone() })).
				ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "https://a.example/", nil))
			for name, values := range clean {
				if len(values) != 1 || strings.Contains(values[0], "poison") {
					t.Errorf("%s is %q", name, values)
				}
			}
		})
	}
	t.Run("appending_leaves_the_neighbour", func(t *testing.T) {
		got := get(t, "https://a.example/", func(w http.ResponseWriter, _ *http.Request) { w.Header().Add("Cache-Control", "x") }, headers.Config{})
		if !reflect.DeepEqual(got, with(api(), "Cache-Control", "x")) {
			t.Errorf("header is %v", got)
		}
	})
}
