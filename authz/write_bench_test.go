package authz_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/internal/race"
)

// A memo is an object of 300 bytes of JSON. The property that only an auditor
// reads is beside those bytes.
type memo struct {
	ID        string    `json:"id" authz:"read=*"`
	OwnerID   string    `json:"owner_id" authz:"read=*"`
	Title     string    `json:"title" authz:"read=*,write=own"`
	Content   string    `json:"content" authz:"read=own|admin,write=own"`
	Version   int       `json:"version" authz:"read=*"`
	Public    bool      `json:"public" authz:"read=*,write=own"`
	CreatedAt time.Time `json:"created_at" authz:"read=*"`
	Note      string    `json:"note" authz:"read=auditor"`
}

// A plainMemo is what a caller sees of a memo who owns it.
type plainMemo struct {
	ID        string    `json:"id"`
	OwnerID   string    `json:"owner_id"`
	Title     string    `json:"title"`
	Content   string    `json:"content"`
	Version   int       `json:"version"`
	Public    bool      `json:"public"`
	CreatedAt time.Time `json:"created_at"`
}

func memos(n int) (tagged []*memo, plain []*plainMemo) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
	for i := range n {
		m := &memo{strconv.Itoa(i), "alice", "Minutes of the meeting", strings.Repeat("All was found good. ", 7), i, i%2 == 0, at, "secret"}
		tagged = append(tagged, m)
		plain = append(plain, &plainMemo{m.ID, m.OwnerID, m.Title, m.Content, m.Version, m.Public, m.CreatedAt})
	}
	return tagged, plain
}

func memoPolicy(tb testing.TB) *authz.Policy {
	c := guide()
	c.Roles["auditor"] = authz.Role{Grants: []string{"document:read:all"}}
	policy := mustPolicy(tb, c)
	if err := authz.Fields[memo](policy); err != nil {
		tb.Fatal(err)
	}
	return policy
}

// lists returns a route that answers with a list, and the request for it.
func lists[T any](tb testing.TB, policy *authz.Policy, owner func(T) (string, string), answer func(http.ResponseWriter, *http.Request, authz.Reach)) (http.Handler, *http.Request) {
	mux := authz.NewMux(policy)
	authz.HandleList(mux, "GET /memos", authz.Resource[T]{Name: "document", Owner: owner}.Can("read"), answer)
	return mux, scoped(request("GET", "/memos", nil), as("alice", "user"))
}

func BenchmarkWriteList(b *testing.B) {
	tagged, plain := memos(100)
	policy := memoPolicy(b)
	none := func(*plainMemo) (string, string) { return accounts, "alice" }
	filtered, r := lists(b, policy, func(m *memo) (string, string) { return accounts, m.OwnerID }, func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
		authz.WriteList(w, r, reach, tagged)
	})
	unregistered, _ := lists(b, policy, none, func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
		authz.WriteList(w, r, reach, plain)
	})
	marshal, _ := lists(b, policy, none, func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
		text, _ := json.Marshal(map[string]any{"items": plain})
		w.Header().Set("Content-Type", "application/json")
		w.Write(text)
	})
	for _, bench := range []struct {
		name string
		h    http.Handler
	}{{"filtered", filtered}, {"unregistered", unregistered}, {"json.Marshal", marshal}} {
		b.Run(bench.name, func(b *testing.B) {
			w := nothing{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				bench.h.ServeHTTP(w, r)
			}
		})
	}
}

func BenchmarkWrite(b *testing.B) {
	tagged, plain := memos(1)
	res := authz.Resource[*memo]{Name: "document", Owner: func(m *memo) (string, string) { return accounts, m.OwnerID }, Policy: memoPolicy(b)}
	r := scoped(request("GET", "/memos/1", nil), as("alice", "user"))
	grant, err := res.Check(r, "read", tagged[0])
	if err != nil {
		b.Fatal(err)
	}
	w := nothing{http.Header{}}
	b.Run("filtered", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			authz.Write(w, r, grant)
		}
	})
	b.Run("json.Marshal", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			text, _ := json.Marshal(plain[0])
			w.Header().Set("Content-Type", "application/json")
			w.Write(text)
		}
	})
}

// An answer allocates for its header, and nothing for the objects.
func TestWriteAllocates(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	w := nothing{http.Header{}}
	tagged, _ := memos(100)
	policy := memoPolicy(t)
	res := authz.Resource[*memo]{Name: "document", Owner: func(m *memo) (string, string) { return accounts, m.OwnerID }, Policy: policy}
	r := scoped(request("GET", "/memos/1", nil), as("alice", "user"))
	grant, err := res.Check(r, "read", tagged[0])
	if err != nil {
		t.Fatal(err)
	}
	authz.Write(w, r, grant)
	if got := testing.AllocsPerRun(200, func() { authz.Write(w, r, grant) }); got > 1 {
		t.Errorf("Write: %v allocations, want 1 for the header", got)
	}
	counted := map[int]float64{}
	for _, n := range []int{1, 100} {
		h, r := lists(t, policy, res.Owner, func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
			authz.WriteList(w, r, reach, tagged[:n])
		})
		h.ServeHTTP(w, r)
		counted[n] = testing.AllocsPerRun(200, func() { h.ServeHTTP(w, r) })
	}
	if counted[100] > counted[1] {
		t.Errorf("WriteList: allocations %v, want the same for 100 objects as for 1", fmt.Sprint(counted))
	}
}
