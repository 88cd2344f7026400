package ratelimittest

import (
	"fmt"
	"strings"

	"github.com/bulwark-go/bulwark/ratelimit"
)

// names: one key under two names is two cells, wherever the border is.
func names(t *trial, _ ratelimit.Store) {
	for _, pair := range [][2][2]string{
		{{"login", "k"}, {"sign-up", "k"}},
		{{"ab", "c"}, {"a", "bc"}},
		{{"a", ""}, {"", "a"}},
		{{"a.b", "c"}, {"a", "b.c"}},
		{{"a", "\x00b"}, {"a\x00", "b"}},
		{{"a", ":b"}, {"a:", "b"}},
	} {
		apart(t, fmt.Sprintf("%q", pair), func(i int) ratelimit.Cell {
			c := t.cell(pair[i][1], 3)
			c.Policy.Name = pair[i][0]
			return c
		})
	}
}

// keys: any two different keys are two cells.
func keys(t *trial, _ ratelimit.Store) {
	long := strings.Repeat("k", 8<<10)
	for _, pair := range [][2]string{
		{"id-1", "id-2"}, {"id", "ID"}, {"id", "id "}, {" id", "id"}, {"id\n", "id"}, {"id\x00", "id"},
		{"id\x00x", "id\x00y"}, {"id:x", "id:y"}, {"id*", "idx"}, {"{id}x", "{id}y"}, {"%69d", "id"},
		{"id\xff", "id\xfe"}, {"caf\u00e9", "cafe\u0301"}, {"0", "00"}, {"1e1", "10"}, {"", "\x00"},
		{long + "x", long + "y"}, {long, long[1:]},
	} {
		apart(t, fmt.Sprintf("%.40q", pair), func(i int) ratelimit.Cell { return t.cell(pair[i], 3) })
	}
}

// apart fails the test if two cells are the same cell.
func apart(t *trial, what string, made func(i int) ratelimit.Cell) {
	t.resets(what, made(0), made(1))
	t.takes(true, what, costing(made(0), 2))
	t.has(3, what+": the second", made(1))
	t.takes(true, what, made(1))
	t.has(1, what+": the first", made(0))
}

// slicesAreNotKept: the slice of a key is the caller's again after the call.
func slicesAreNotKept(t *trial, _ ratelimit.Store) {
	c := t.cell("abcd", 3)
	t.takes(true, "a key that is overwritten", c)
	copy(c.Key, "wxyz")
	t.has(2, "a key that was overwritten", t.cell("abcd", 3))
	t.has(3, "what it was overwritten with", t.cell("wxyz", 3))
}
