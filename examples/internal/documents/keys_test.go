package documents_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// user returns the id of an account of the seed.
func (s *service) user(name string) string {
	s.t.Helper()
	id := s.app.AccountID(name + "@example.com")
	if id == "" {
		s.t.Fatalf("no account of %s", name)
	}
	return id
}

// issued is a new key.
type issued struct{ ID, Key string }

// key makes a key, for an owner or for itself.
func (s *service) key(root, name, tier, owner string) issued {
	s.t.Helper()
	body := map[string]string{"name": name, "tier": tier}
	if owner != "" {
		body["owner"] = owner
	}
	a := s.do("192.0.2.9", "POST", "/admin/keys", body, "Authorization", root)
	if a.StatusCode != http.StatusCreated || len(a.body) != 4 {
		s.t.Fatalf("a key: %v", a)
	}
	return issued{a.body["id"].(string), a.body["key"].(string)}
}

// A listedKey is a key in the list.
type listedKey struct {
	ID, Name, Tier string
	OwnerID        string    `json:"owner_id"`
	RotatedAt      time.Time `json:"rotated_at"`
	LastUsed       time.Time `json:"last_used"`
	Stale          bool
	Secrets        int
}

func (s *service) listKeys(root, query string) []listedKey {
	s.t.Helper()
	return itemsOf[listedKey](s, s.do("192.0.2.9", "GET", "/admin/keys"+query, nil, "Authorization", root))
}

func namesOf(keys []listedKey) string {
	var names []string
	for _, key := range keys {
		names = append(names, key.Name)
	}
	return strings.Join(names, ", ")
}

// accepts asserts that a key works, or that it is refused.
func (s *service) accepts(key string, want bool) answer {
	s.t.Helper()
	a := s.do("192.0.2.9", "GET", "/documents", nil, "Authorization", "ApiKey "+key)
	if want && a.StatusCode != http.StatusOK {
		s.t.Errorf("the key is refused: %v", a)
	}
	if !want {
		s.refused(a, http.StatusUnauthorized, "auth.invalid_token")
	}
	return a
}

// A key with an owner acts as the owner, and never as an administrator.
func TestKeysWithAnOwner(t *testing.T) {
	s := start(t)
	root, alice := s.bearer("root"), s.bearer("alice")
	key := s.key(root, "of alice", "premium", s.user("alice"))
	s.do("192.0.2.9", "POST", "/documents", map[string]string{"title": "Mine"}, "Authorization", alice)
	a := s.accepts(key.Key, true)
	if items, _ := a.body["items"].([]any); len(items) != 1 {
		t.Errorf("the documents of alice: %v", a)
	}
	if got := strings.Join(a.Header["Ratelimit-Policy"], ","); !strings.Contains(got, "q=1000;w=60") {
		t.Errorf("the tier of the key: %s", got)
	}
	moderator := s.key(root, "of bob", "default", s.user("bob"))
	if items, _ := s.accepts(moderator.Key, true).body["items"].([]any); len(items) != 1 {
		t.Error("the key of the moderator does not list what the moderator lists")
	}
	for name, owner := range map[string]string{"administrator": s.user("root"), "nobody": "u_" + strings.Repeat("a", 26)} {
		a := s.do("192.0.2.9", "POST", "/admin/keys", map[string]string{"name": "x", "tier": "default", "owner": owner}, "Authorization", root)
		s.refused(a, http.StatusUnprocessableEntity, "keys.owner")
		if errors, _ := a.body["errors"].([]any); len(errors) != 1 || errors[0].(map[string]any)["pointer"] != "/owner" {
			t.Errorf("%s: %v", name, a)
		}
	}
	s.refused(s.do("192.0.2.9", "POST", "/admin/keys", map[string]string{"name": "x", "tier": "default", "owner": "alice"}, "Authorization", root), http.StatusUnprocessableEntity, "validate.invalid")
}

func TestListKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t)
		root := s.bearer("root")
		old := s.key(root, "old", "default", s.user("alice"))
		time.Sleep(91 * 24 * time.Hour)
		root = s.bearer("root")
		s.key(root, "young", "premium", s.user("alice"))
		gone := s.key(root, "gone", "premium", s.user("alice"))
		s.key(root, "of bob", "default", s.user("bob"))
		if a := s.do("192.0.2.9", "DELETE", "/admin/keys/"+gone.ID, nil, "Authorization", root); a.StatusCode != http.StatusNoContent {
			t.Fatalf("%v", a)
		}
		s.accepts(gone.Key, false)
		s.accepts(old.Key, true)
		synctest.Wait()
		ofAlice := "?owner=" + s.user("alice")
		for query, want := range map[string]string{
			ofAlice:                               "old, young",
			ofAlice + "&stale=true":               "old",
			ofAlice + "&stale=false":              "young",
			ofAlice + "&tier=premium":             "young",
			ofAlice + "&limit=1&offset=1":         "young",
			"?owner=" + s.user("bob"):             "of bob",
			"?owner=" + s.user("mallory"):         "",
			"?tier=enterprise":                    "seeded enterprise",
			"?stale=true&tier=premium":            "seeded premium",
			"?owner=u_" + strings.Repeat("a", 26): "",
			"?stale=false&tier=enterprise":        "",
		} {
			if got := namesOf(s.listKeys(root, query)); got != want {
				t.Errorf("%s: %s, want %s", query, got, want)
			}
		}
		all := s.listKeys(root, "")
		if len(all) != 6 || all[0].Name != "old" || all[0].OwnerID != s.user("alice") || all[0].Secrets != 1 || !all[0].Stale || !all[0].LastUsed.Equal(time.Now()) {
			t.Errorf("keys %+v, want the one first that was used last", all)
		}
		if !all[1].LastUsed.IsZero() {
			t.Errorf("a key that was never used: %+v", all[1])
		}
		for _, query := range []string{"?owner=alice", "?tier=gold", "?stale=yes", "?limit=0", "?after=x", "?name=old"} {
			s.refused(s.do("192.0.2.9", "GET", "/admin/keys"+query, nil, "Authorization", root), http.StatusUnprocessableEntity, "validate.invalid")
		}

		// A rotation makes the key young, with two secrets for a day.
		a := s.do("192.0.2.9", "POST", "/admin/keys/"+old.ID+"/rotate", nil, "Authorization", root)
		if got := s.listKeys(root, ofAlice+"&stale=false"); a.StatusCode != http.StatusCreated || namesOf(got) != "old, young" || got[0].Secrets != 2 {
			t.Errorf("after the rotation: %+v", got)
		}
		s.accepts(old.Key, true)
		time.Sleep(24 * time.Hour)
		s.accepts(old.Key, false)
		s.accepts(a.body["key"].(string), true)
		if got := s.listKeys(s.bearer("root"), ofAlice+"&stale=false"); got[0].Secrets != 1 {
			t.Errorf("after the overlap: %+v", got)
		}
	})
}

func TestRevokeKeys(t *testing.T) {
	s := start(t)
	root := s.bearer("root")
	keys := []issued{s.key(root, "1", "default", s.user("alice")), s.key(root, "2", "premium", s.user("alice"))}
	other, own := s.key(root, "of bob", "default", s.user("bob")), s.key(root, "its own", "default", "")
	if a := s.do("192.0.2.9", "DELETE", "/admin/keys/"+own.ID, nil, "Authorization", root); a.StatusCode != http.StatusNoContent {
		t.Errorf("%v", a)
	}
	s.accepts(own.Key, false)
	if a := s.do("192.0.2.9", "DELETE", "/admin/users/"+s.user("alice")+"/keys", nil, "Authorization", root); a.StatusCode != http.StatusNoContent {
		t.Errorf("%v", a)
	}
	for _, key := range keys {
		s.accepts(key.Key, false)
		s.refused(s.do("192.0.2.9", "POST", "/admin/keys/"+key.ID+"/rotate", nil, "Authorization", root), http.StatusConflict, "apikey.ended")
	}
	s.accepts(other.Key, true)
	s.accepts(s.key(root, "3", "default", s.user("alice")).Key, true) // one that is made afterwards
	s.refused(s.do("192.0.2.9", "DELETE", "/admin/users/u_"+strings.Repeat("a", 26)+"/keys", nil, "Authorization", root), http.StatusNotFound, "users.not_found")
	for _, id := range []string{"x", strings.Repeat("a", 16)} {
		s.refused(s.do("192.0.2.9", "DELETE", "/admin/keys/"+id, nil, "Authorization", root), http.StatusNotFound, "apikey.not_found")
	}
	found := s.events("authn_token_revoked")
	if len(found) != 3 {
		t.Fatalf("events %v, want one for each key", found)
	}
	for _, event := range found {
		if event["userId"] != s.user("root") || event["key"] == nil || event["reason"] != "revoked" {
			t.Errorf("event %v", event)
		}
	}
}

// Who is gone is gone: the account, its sessions and its keys.
func TestCloseAccount(t *testing.T) {
	s := start(t)
	root, alice := s.bearer("root"), s.logIn("198.51.100.1", "alice", firefox)
	id := s.user("alice")
	s.do("192.0.2.9", "POST", "/documents", map[string]string{"title": "Stays"}, "Authorization", alice.bearer)
	key := s.key(root, "of alice", "default", id)
	s.accepts(key.Key, true) // the account of its owner is remembered for a minute
	if a := s.do("192.0.2.9", "DELETE", "/admin/users/"+id, nil, "Authorization", root); a.StatusCode != http.StatusNoContent {
		t.Fatalf("%v", a)
	}
	if left := s.listKeys(root, "?owner="+id); len(left) != 0 {
		t.Errorf("keys of the account: %+v", left)
	}
	s.works(alice.bearer, false)
	s.accepts(key.Key, false)
	s.refused(s.login("198.51.100.1", "alice", password), http.StatusUnauthorized, "login.failed")
	s.refused(s.do("192.0.2.9", "DELETE", "/admin/users/"+id, nil, "Authorization", root), http.StatusNotFound, "users.not_found")
	s.refused(s.do("192.0.2.9", "DELETE", "/admin/users/"+s.user("root"), nil, "Authorization", root), http.StatusConflict, "users.own_account")
	if a := s.do("192.0.2.9", "GET", "/documents", nil, "Authorization", root); a.Header.Get("X-Total-Count") != "1" {
		t.Errorf("the documents: %v", a)
	}
	// The address is free, for an account that has nothing of the old one.
	a := s.do("192.0.2.9", "POST", "/users", map[string]string{"email": "alice@example.com", "password": password, "name": "alice"})
	if a.StatusCode != http.StatusCreated || a.body["id"] == id {
		t.Errorf("a new account: %v", a)
	}
	if a := s.do("192.0.2.9", "GET", "/documents", nil, "Authorization", s.bearer("alice")); a.Header.Get("X-Total-Count") != "0" {
		t.Errorf("the new account sees the documents of the old one: %v", a)
	}
}

// A key whose account is gone ends by itself within a minute, also where nobody
// has revoked it.
func TestKeysOfAClosedAccountEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t)
		root := s.bearer("root")
		key, other := s.key(root, "of alice", "default", s.user("alice")), s.key(root, "of bob", "default", s.user("bob"))
		s.accepts(key.Key, true)
		s.app.DropAccount(s.user("alice"))
		time.Sleep(time.Minute + time.Second)
		s.accepts(key.Key, false)
		s.accepts(other.Key, true)
		found := s.events("authn_token_invalid")
		if len(found) != 1 || found[0]["reason"] != "revoked" {
			t.Errorf("events %v", found)
		}
	})
}
