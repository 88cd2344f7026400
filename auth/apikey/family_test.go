package apikey_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/internal/faulttest"
)

// family makes keys of a prefix and an environment.
func family(t *testing.T, prefix, env, header string) (*apikey.Keys, apikey.Issued) {
	c := config(&apikey.MemoryStore{})
	c.Prefix, c.Env, c.Header = prefix, env, header
	c.Issuer = "https://api.example.com/" + prefix + "/" + env + "/keys"
	keys := newKeys(t, c)
	return keys, issue(t, keys, apikey.Grant{})
}

// through passes a request with header lines (name, value, …) through a layer of
// several authenticators.
func through(t *testing.T, all []auth.Authenticator, optional bool, lines ...string) answer {
	t.Helper()
	layer, err := auth.New(auth.Config{Authenticators: all, Optional: optional})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/documents", nil)
	for i := 0; i < len(lines); i += 2 {
		r.Header.Add(lines[i], lines[i+1])
	}
	var rec bulwarktest.Recorder
	a := answer{ResponseRecorder: httptest.NewRecorder()}
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.caller, _ = bulwark.PrincipalFrom(r.Context())
		w.WriteHeader(http.StatusNoContent)
	})
	rec.Wrap(layer.Wrap(next)).ServeHTTP(a, r)
	a.events = rec.Events()
	return a
}

// ways are the places for keys.
func ways(key string) map[string][]string {
	return map[string][]string{
		"scheme":     {"Authorization", "ApiKey " + key},
		"lower-case": {"Authorization", "apikey  " + key},
		"bearer":     {"Authorization", "Bearer " + key},
		"header":     {"X-Api-Key", key},
	}
}

func TestCaseKeys1FamiliesSideBySide(t *testing.T) {
	for name, words := range map[string][][2]string{
		"prefixes":          {{"usr", "live"}, {"prt", "live"}},
		"environments":      {{"acme", "live"}, {"acme", "test"}},
		"prefix-of-another": {{"usr", "live"}, {"usrx", "live"}},
		"longer-first":      {{"usrx", "live"}, {"usr", "live"}},
		"env-of-another":    {{"acme", "live"}, {"acme", "liver"}},
		"word-of-another":   {{"live", "acme"}, {"acme", "live"}},
		"four":              {{"usr", "live"}, {"usr", "test"}, {"prt", "live"}, {"prt", "test"}},
	} {
		t.Run(name, func(t *testing.T) {
			var all []auth.Authenticator
			var issued []apikey.Issued
			for _, w := range words {
				keys, key := family(t, w[0], w[1], "X-Api-Key")
				all, issued = append(all, keys), append(issued, key)
			}
			for _, optional := range []bool{false, true} {
				for i, key := range issued {
					for way, lines := range ways(key.Key) {
						a := through(t, all, optional, lines...)
						if a.Code != 204 || a.caller == nil || a.caller.Subject != "key:"+key.ID || a.caller.Issuer != all[i].(*apikey.Keys).Issuer() {
							t.Errorf("key %d by %s: %d %v %s", i, way, a.Code, a.caller, a.Body)
						}
					}
					for way, lines := range ways(key.Key + "x") {
						t.Run(way, func(t *testing.T) { through(t, all, optional, lines...).refused(t, "malformed") })
					}
				}
				// What nobody knows belongs to the first, and never to nobody.
				for way, lines := range ways("nonsense") {
					if way == "bearer" {
						continue // which may be any token
					}
					t.Run(way, func(t *testing.T) { through(t, all, optional, lines...).refused(t, "malformed") })
				}
				for way, lines := range ways(withCheck(words[0][0] + "_prod_0000000000000000_" + issued[0].Key[len(issued[0].Key)-50:][:43])) {
					t.Run(way, func(t *testing.T) { through(t, all, optional, lines...).refused(t, "audience") })
				}
			}
		})
	}
}

func TestCaseKeys1TwoHeaders(t *testing.T) {
	usr, user := family(t, "usr", "live", "X-Api-Key")
	prt, partner := family(t, "prt", "live", "X-Partner-Key")
	all := []auth.Authenticator{usr, prt}
	if a := through(t, all, true, "X-Partner-Key", partner.Key); a.caller == nil || a.caller.Subject != "key:"+partner.ID {
		t.Errorf("partner: %d %s", a.Code, a.Body)
	}
	if a := through(t, all, true, "X-Api-Key", user.Key); a.caller == nil || a.caller.Subject != "key:"+user.ID {
		t.Errorf("user: %d %s", a.Code, a.Body)
	}
	through(t, all, true, "X-Partner-Key", user.Key).refused(t, "malformed") // a key in the wrong place
	for _, second := range []string{partner.Key, "nonsense", ""} {
		a := through(t, all, true, "X-Api-Key", user.Key, "X-Partner-Key", second)
		if a.Code != 400 || a.caller != nil || a.problem(t) != "auth.ambiguous_credentials" {
			t.Errorf("two headers: %d %v %s", a.Code, a.caller, a.Body)
		}
	}
}

func TestCaseKeys1PairsThatCanNeverWork(t *testing.T) {
	for name, test := range map[string]struct {
		prefix, env string
		together    bool
	}{
		"same":              {"acme", "live", false},
		"other-prefix":      {"acmf", "live", true},
		"other-environment": {"acme", "test", true},
	} {
		t.Run(name, func(t *testing.T) {
			one, _ := family(t, "acme", "live", "X-Api-Key")
			c := config(&apikey.MemoryStore{})
			c.Prefix, c.Env, c.Issuer = test.prefix, test.env, "https://other.example/keys"
			_, err := auth.New(auth.Config{Authenticators: []auth.Authenticator{one, newKeys(t, c)}})
			want := []string{"auth.Authenticators[1]"}
			if test.together {
				want = nil
			}
			if got := faulttest.Fields(err); !slices.Equal(got, want) {
				t.Errorf("fields %q, want %q: %v", got, want, err)
			}
		})
	}
}

func TestNitKeysTwoLinesNameTheScheme(t *testing.T) {
	keys, key := family(t, "acme", "live", "X-Api-Key")
	for name, lines := range map[string][]string{
		"two-headers":        {"X-Api-Key", key.Key, "X-Api-Key", key.Key},
		"two-authorizations": {"Authorization", "ApiKey " + key.Key, "Authorization", "ApiKey " + key.Key},
		"one-of-each":        {"Authorization", "ApiKey " + key.Key, "X-Api-Key", key.Key},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/documents", nil)
			for i := 0; i < len(lines); i += 2 {
				r.Header.Add(lines[i], lines[i+1])
			}
			alone := httptest.NewRecorder()
			var rec bulwarktest.Recorder
			rec.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, err := keys.Authenticate(r)
				bulwark.Deny(w, r, err)
			})).ServeHTTP(alone, r)
			for who, w := range map[string]*httptest.ResponseRecorder{"layer": sendRequest(t, keys, r).ResponseRecorder, "alone": alone} {
				if got := w.Header().Values("WWW-Authenticate"); w.Code != 400 || !slices.Equal(got, []string{"ApiKey"}) {
					t.Errorf("%s: status %d, WWW-Authenticate %q", who, w.Code, got)
				}
				if !bytes.Contains(w.Body.Bytes(), []byte(`"auth.ambiguous_credentials"`)) {
					t.Errorf("%s: body %s", who, w.Body)
				}
			}
			only(t, rec.Events(), bulwark.AuthnTokenInvalid)
		})
	}
}
