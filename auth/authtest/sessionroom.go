package authtest

import (
	"time"

	"fmt"
	"slices"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/session"
)

// ends notes where Create does not end exactly the sessions that it should.
func ends(t *trial, store session.Store, s session.Session, limit int, replaces []string, described string, want ...string) {
	t.pause() // so that the store's clock tells which session is the older one
	ended, err := create(t, store, s, limit, replaces...)
	slices.Sort(ended)
	slices.Sort(want)
	if err != nil || !slices.Equal(ended, want) {
		t.fault("Create of %s with a limit of %d, in the place of %q: ended %q, %v, want %q", described, limit, replaces, ended, err, want)
	}
	for _, id := range want {
		lacks(t, store, "a session that Create has ended", id)
	}
	keeps(t, store, "the session that Create has made", s)
}

func sessionReplaces(t *trial, store session.Store) {
	creates(t, store, login("bob", "bob"))
	ends(t, store, login("phone", "alice"), 2, nil, "the first session")
	ends(t, store, login("laptop", "alice"), 2, nil, "the second session")
	ends(t, store, login("laptop-2", "alice"), 2, []string{"laptop"}, "a session in the place of the newest one", "laptop")
	ends(t, store, login("phone-2", "alice"), 2, []string{"phone"}, "a session in the place of the oldest one", "phone")
	listed(t, store, issuer, "alice", "a caller at the limit", "laptop-2", "phone-2")
	ends(t, store, login("tablet", "alice"), 9, []string{"phone-2"}, "a session far from the limit", "phone-2")
	ends(t, store, login("watch", "alice"), 2, []string{"unknown", "bob", "", "watch"}, "a session in the place of strangers", "laptop-2")
	ends(t, store, login("desk", "alice"), 9, []string{"tablet", "watch", "tablet"}, "a session in the place of all others", "tablet", "watch")
	ends(t, store, login("desk-2", "alice"), 1, []string{"desk"}, "the one session allowed", "desk")
	ends(t, store, login("car", "carol"), 1, []string{"desk-2", "bob"}, "a session in the place of another caller's")
	listed(t, store, issuer, "alice", "a caller whose session another caller wanted to replace", "desk-2")
	listed(t, store, issuer, "bob", "another caller", "bob")
	there := login("there", "alice")
	there.Issuer = otherIssuer
	ends(t, store, there, 1, []string{"desk-2"}, "a session in the place of the same subject's of another issuer")
	// Nobody makes room for a session that is not made.
	ended, err := create(t, store, login("desk-2", "alice"), 1, "desk-2")
	t.wants(auth.ErrConflict, err, "Create of an ID in the place of itself")
	if len(ended) > 0 {
		t.fault("Create of an ID in the place of itself ends %q", ended)
	}
	creates(t, store, login("left", "alice"))
	if ended, err = create(t, store, login("bob", "alice"), 9, "left"); len(ended) > 0 {
		t.fault("Create of an ID that is taken ends %q", ended)
	}
	t.wants(auth.ErrConflict, err, "Create of an ID that is taken, in the place of another")
	listed(t, store, issuer, "alice", "a caller whose ID was taken", "desk-2", "left")
}

func sessionLimit(t *trial, store session.Store) {
	at := func(id string, seconds int) session.Session {
		s := login(id, "alice")
		s.CreatedAt = s.CreatedAt.Add(-time.Duration(seconds) * time.Second) // which must not count
		return s
	}
	creates(t, store, login("other", "bob"))
	first := at("a", 0)
	ends(t, store, first, 3, nil, "the first session")
	second := at("b", 1)
	ends(t, store, second, 3, nil, "the second session")
	ends(t, store, at("c", 2), 3, nil, "the third session")
	t.pause()
	refreshed := keeps(t, store, "the first session", first)
	refreshed.Generation++
	t.wants(nil, update(t, store, refreshed), "Update")
	shown := keeps(t, store, "the second session", second)
	shown.Shown = true // without a refresh
	t.wants(nil, update(t, store, shown), "Update")
	ends(t, store, at("d", 4), 3, nil, "the fourth session", "b")
	listed(t, store, issuer, "alice", "a caller at the limit", "a", "c", "d")
	ends(t, store, at("e", 5), 2, nil, "a session where the limit has fallen", "a", "c")
	ends(t, store, at("f", 3600), 2, nil, "a session that was made long ago, says who makes it", "d")
	ends(t, store, at("g", 6), 0, nil, "a session with no limit given", "e", "f")
	ends(t, store, at("h", 7), 1, nil, "the one session allowed", "g")
	listed(t, store, issuer, "alice", "a caller at a limit of one", "h")
	listed(t, store, issuer, "bob", "another caller", "other")
}

// sessionFull checks less where the store has room for all.
func sessionFull(t *trial, store session.Store) {
	var held []session.Session
	for i := range fullItems {
		s := login(fmt.Sprint("s", i), fmt.Sprint("user-", i))
		ended, err := create(t, store, s, 5)
		if len(ended) > 0 {
			t.fault("Create for a new caller ends %.200q", ended)
		}
		if err != nil {
			t.wants(auth.ErrFull, err, "Create of one session too many")
			break
		}
		held = append(held, s)
	}
	for _, s := range held {
		keeps(t, store, "a session of a store that has been filled", s)
	}
	if len(held) == fullItems {
		return
	}
	if len(held) < 5 {
		t.fault("the store has room for %d sessions only", len(held))
		return
	}
	lacks(t, store, "a session for which there was no room", fmt.Sprint("s", len(held)))
	replacing := login("replacing", held[3].Subject)
	ended, err := create(t, store, replacing, 5, held[3].ID)
	if err != nil || !slices.Equal(ended, []string{held[3].ID}) {
		t.fault("Create in the place of a session of a full store: ended %q, %v, want %q", ended, err, held[3].ID)
	}
	keeps(t, store, "a session in the place of the one that it replaces", replacing)
	if ended, err = create(t, store, login("one-more", held[2].Subject), 5, held[1].ID, "unknown"); len(ended) > 0 {
		t.fault("Create without room ends %q", ended)
	}
	t.wants(auth.ErrFull, err, "Create in the place of another caller's session of a full store")
	own, next := held[0], login("next", held[0].Subject)
	ended, err = create(t, store, next, 1)
	switch {
	case err == nil: // in the place of the own one
		if !slices.Equal(ended, []string{own.ID}) {
			t.fault("Create for a caller at the limit of a full store ends %q, want %q", ended, own.ID)
		}
		lacks(t, store, "a session in whose place there is another", own.ID)
		keeps(t, store, "a session in the place of another", next)
	default:
		t.wants(auth.ErrFull, err, "Create for a caller at the limit of a full store")
		keeps(t, store, "a session of a caller for whose next there was no room", own)
		lacks(t, store, "a session for which there was no room", next.ID)
	}
	one := keeps(t, store, "a session of a full store", held[1])
	one.Generation++
	t.wants(nil, update(t, store, one), "Update in a full store")
	touches(t, store, held[1].ID, 0, nil, "a session of a full store")
	deletes(t, store, true, "a session of a full store", held[2].ID)
	creates(t, store, login("in-its-place", "newcomer"))
}
