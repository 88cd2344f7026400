package authz_test

import (
	"net/http"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
)

// Somebody else's object is 403 where the resource says so. A missing object
// stays 404, and the log tells as much as with 404.
func TestForbiddenInPlaceOf404(t *testing.T) {
	policy := mustPolicy(t, tenantPolicy())
	strangers := map[int]want{
		0: hidden("authz.not_readable"), 404: hidden("authz.not_readable"),
		403: {status: 403, code: "authz.forbidden", event: bulwark.AuthzFail, reason: "authz.not_readable"},
	}
	for status, stranger := range strangers {
		res := tenants()
		res.Policy, res.Forbidden = policy, status
		mux, ran := authz.NewMux(policy), false
		for method, action := range map[string]string{"GET": "read", "PUT": "update", "DELETE": "delete"} {
			authz.HandleObject(mux, method+" /documents/{id}", res.Can(action), func(http.ResponseWriter, *http.Request, authz.Granted[*document]) { ran = true })
		}
		object := authz.Object(policy, res.Can("read"), func(http.ResponseWriter, *http.Request, authz.Granted[*document]) { ran = true })
		check := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			d, err := load(r.Context(), r)
			if err == nil {
				_, err = res.Check(r, "read", d)
			}
			if err != nil {
				bulwark.Deny(w, r, err)
				return
			}
			ran = true
		})
		theirs := http.NewServeMux()
		theirs.Handle("GET /documents/{id}", check)
		router := http.NewServeMux()
		router.Handle("GET /documents/{id}", object)
		mallory := as("mallory", "user")
		for name, h := range map[string]http.Handler{"mux": mux, "object": router, "check": theirs} {
			hash := attr(stranger.check(t, h, request("GET", "/documents/1", mallory)), "object")
			if missing := attr(hidden("authz.not_found").check(t, h, request("GET", "/documents/99", mallory)), "object"); name != "check" && (hash == "" || missing == "" || hash == missing) {
				t.Errorf("%d %s: the hashes are %q and %q", status, name, hash, missing)
			}
			unauthenticated.check(t, h, request("GET", "/documents/1", nil))
		}
		for _, method := range []string{"HEAD", "PUT"} {
			stranger.check(t, mux, request(method, "/documents/1", mallory))
			hidden("authz.not_found").check(t, mux, request(method, "/documents/99", mallory))
		}
		notMine := forbidden
		notMine.reason = "authz.not_within_reach"
		notMine.check(t, mux, request("DELETE", "/documents/1", as("alice", "user"))) // may read it
		if ran {
			t.Errorf("%d: a handler ran", status)
		}
		if w := get(mux, "/documents/1", as("alice", "user")); w.Code != 200 || !ran {
			t.Errorf("%d: the owner gets %d", status, w.Code)
		}
	}
}

func TestForbiddenIsOneOfTwo(t *testing.T) {
	policy := mustPolicy(t, guide())
	for _, status := range []int{-1, 1, 200, 401, 410, 500} {
		res := documents()
		res.Policy, res.Forbidden = policy, status
		mux := authz.NewMux(policy)
		const reason = ".access: is of a resource whose Forbidden is another status than 404 and 403"
		mustRefuse(t, "Mux(GET /documents/{id})", reason, func() {
			authz.HandleObject(mux, "GET /documents/{id}", res.Can("read"), func(http.ResponseWriter, *http.Request, authz.Granted[*document]) {})
		})
		mustRefuse(t, "Object(document:read)", reason, func() {
			authz.Object(policy, res.Can("read"), func(http.ResponseWriter, *http.Request, authz.Granted[*document]) {})
		})
		d := shelf["1"]
		if g, err := res.Check(request("GET", "/", as("alice", "user")), "read", &d); g.Action() != "" || !hasFault(err, "authz.Resource(document).Forbidden", "404 and 403") {
			t.Errorf("%d: Check: %v", status, err)
		}
	}
}
