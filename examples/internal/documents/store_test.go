package documents_test

import (
	"net/http"
	"strings"
	"testing"
)

func (s *service) create(bearer string, content int) answer {
	s.t.Helper()
	return s.do("192.0.2.1", "POST", "/documents", map[string]string{"title": "T", "content": strings.Repeat("a", content)}, "Authorization", bearer)
}

// What one owner has used up is the owner's own trouble.
func TestCaseEx3AnOwnerHasAShare(t *testing.T) {
	for _, test := range []struct {
		name                                          string
		documents, bytes, ownDocuments, ownBytes, fit int
		content                                       int
	}{
		{"in_documents", 100, 1 << 20, 3, 1 << 20, 3, 10},
		{"in_bytes", 100, 1 << 20, 100, 10_000, 2, 4000},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := start(t)
			s.app.SetBounds(test.documents, test.bytes, test.ownDocuments, test.ownBytes)
			mallory, alice, root := s.bearer("mallory"), s.bearer("alice"), s.bearer("root")
			var last answer
			for range test.fit {
				if last = s.create(mallory, test.content); last.StatusCode != http.StatusCreated {
					t.Fatalf("within the share: %v", last)
				}
			}
			s.refused(s.create(mallory, test.content), http.StatusConflict, "documents.share_used")
			if a := s.create(alice, test.content); a.StatusCode != http.StatusCreated {
				t.Errorf("another owner: %v", a)
			}
			// What is deleted makes room again.
			if a := s.do("192.0.2.1", "DELETE", last.Header.Get("Location"), nil, "Authorization", root); a.StatusCode != http.StatusNoContent {
				t.Fatalf("delete: %v", a)
			}
			if a := s.create(mallory, test.content); a.StatusCode != http.StatusCreated {
				t.Errorf("after a delete: %v", a)
			}
			if events := s.events("input_validation_fail"); len(events) != 1 || events[0]["reason"] != "documents.share_used" {
				t.Errorf("events %v", events)
			}
		})
	}
}

// A document that grows counts like a new one, and one that shrinks gives back.
func TestCaseEx3AChangeIsBounded(t *testing.T) {
	for _, method := range []string{"PUT", "PATCH"} {
		t.Run(method, func(t *testing.T) {
			s := start(t)
			s.app.SetBounds(100, 1<<20, 100, 5000)
			alice, root := s.bearer("alice"), s.bearer("root")
			path := s.create(alice, 100).Header.Get("Location")
			change := func(content int) answer {
				return s.do("192.0.2.1", method, path, map[string]string{"title": "T", "content": strings.Repeat("b", content)}, "Authorization", alice)
			}
			if a := change(4000); a.StatusCode != http.StatusOK {
				t.Errorf("within the share: %v", a)
			}
			s.refused(change(6000), http.StatusConflict, "documents.share_used")
			if a := s.do("192.0.2.1", "GET", path, nil, "Authorization", alice); len(a.body["content"].(string)) != 4000 {
				t.Errorf("the refused change was kept: %v", a)
			}
			if a := change(50); a.StatusCode != http.StatusOK {
				t.Errorf("smaller: %v", a)
			}
			if a := s.create(alice, 3000); a.StatusCode != http.StatusCreated {
				t.Errorf("in the room that was given back: %v", a)
			}
			for _, path := range []string{path, s.do("192.0.2.1", "GET", "/documents", nil, "Authorization", alice).path(t, 0)} {
				s.do("192.0.2.1", "DELETE", path, nil, "Authorization", root)
			}
			if documents, bytes, owners := s.app.Stored(); documents != 0 || bytes != 0 || owners != 0 {
				t.Errorf("an empty store holds %d documents, %d bytes, %d owners", documents, bytes, owners)
			}
		})
	}
}

// path is the path of a document in a list.
func (a answer) path(t *testing.T, i int) string {
	t.Helper()
	items, _ := a.body["items"].([]any)
	if len(items) <= i {
		t.Fatalf("no item %d: %v", i, a)
	}
	return "/documents/" + items[i].(map[string]any)["id"].(string)
}

func TestCaseEx3TheWholeIsBounded(t *testing.T) {
	for name, bounds := range map[string][2]int{"in_documents": {2, 1 << 20}, "in_bytes": {100, 2000}} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			s.app.SetBounds(bounds[0], bounds[1], 100, 1<<20)
			for _, who := range []string{"alice", "mallory"} {
				if a := s.create(s.bearer(who), 300); a.StatusCode != http.StatusCreated {
					t.Fatalf("%s: %v", who, a)
				}
			}
			s.refused(s.create(s.bearer("bob"), 300), http.StatusServiceUnavailable, "documents.unavailable")
		})
	}
}

func TestCaseEx3ManyOwnersFit(t *testing.T) {
	documents, bytes, ownDocuments, ownBytes := start(t).app.Bounds()
	if documents < 50*ownDocuments || bytes < 50*ownBytes || bytes > 1<<30 {
		t.Errorf("of %d documents and %d bytes one owner may have %d and %d", documents, bytes, ownDocuments, ownBytes)
	}
	if ownBytes < 5*4*60_000 {
		t.Errorf("five of the longest documents do not fit into the share of %d bytes", ownBytes)
	}
}

// The newest document comes first, and every document is on one page.
func TestListsHaveEveryDocumentOnce(t *testing.T) {
	s := start(t)
	alice := s.bearer("alice")
	var made []string
	for range 7 {
		made = append(made, s.create(alice, 1).Header.Get("Location"))
	}
	s.create(s.bearer("mallory"), 1)
	var seen []string
	for _, offset := range []string{"0", "3", "6", "9"} {
		a := s.do("192.0.2.1", "GET", "/documents?limit=3&offset="+offset, nil, "Authorization", alice)
		if a.Header.Get("X-Total-Count") != "7" {
			t.Errorf("offset %s: %v", offset, a)
		}
		for i := range a.body["items"].([]any) {
			seen = append(seen, a.path(t, i))
		}
	}
	if len(seen) != 7 {
		t.Fatalf("%d documents listed, want 7", len(seen))
	}
	for i, path := range seen {
		if path != made[6-i] {
			t.Errorf("document %d is %s, want %s", i, path, made[6-i])
		}
	}
}
