package redisstore_test

import (
	"context"
	"errors"
	"testing"

	"github.com/bulwark-go/bulwark/ratelimit"
)

// strange are answers that the script never gives.
var strange = []string{
	"", " ", "1", "0", "2", "-1", "1 ", "1 0 9 360000000 0 1800000000000000", "1 0 9 360000000 0 1800000000000000 1 ",
	"1 0 9 360000000 0 1800000000000000 1 1", "1  0 9 360000000 0 1800000000000000 1", "1 0 9 360000000 0 1800000000000000 -1",
	"1 0 -9 360000000 0 1800000000000000 1", "1 0 11 360000000 0 1800000000000000 1", "1 0 9 0 0 1800000000000000 1",
	"1 0 10 360000000 0 1800000000000000 1", "1 0 9 360000000 5 1800000000000000 1", "1 1 9 360000000 5 1800000000000000 1",
	"1 0 9 360000000 0 1800000000000000 2", "1 0 9 360000000 0 1800000000000000 0", "0 0 9 360000000 0 1800000000000000 0",
	"0 1 9 360000000 5 1800000000000000 1", "0 1 9 360000000 0 1800000000000000 0", "1 0 9 9999999999999999999999 0 1800000000000000 1",
	"1 0 9 281474976710657 0 1800000000000000 1", "1 0 9 360000000 0 9007199254740993 1", "1 0 9 3.6e8 0 1800000000000000 1",
	"1 0 9 nan 0 1800000000000000 1", "1 0 9 inf 0 1800000000000000 1", "1 0 9 0x10 0 1800000000000000 1",
	"1 0 9 360000000 0 18446744073709551617 1", "1\n0\n9\n360000000\n0\n1800000000000000\n1", "٣",
}

func TestAnswersThatMakeNoSense(t *testing.T) {
	for _, answer := range []string{taken, refused} {
		l := limits(t, &fake{answer: says(answer)}, nil)
		if _, ok, err := debit(t, l, ten("a")); err != nil || ok != (answer == taken) {
			t.Fatalf("%q: %t, %v", answer, ok, err)
		}
	}
	for _, answer := range strange {
		l := limits(t, &fake{answer: says(answer)}, nil)
		if c, ok, err := debit(t, l, ten("a")); err == nil || ok || c.Taken != 0 {
			t.Errorf("%q: %t, %v, %+v", answer, ok, err, c)
		}
	}
	for _, answer := range []any{
		nil, int64(1), 1, 1.5, true, []any{}, []any{taken}, []any{nil}, map[string]any{}, errors.New(""), errors.New("-"), []byte(taken),
	} {
		l := limits(t, &fake{answer: says(answer)}, nil)
		if c, ok, err := debit(t, l, ten("a")); err == nil || ok || c.Taken != 0 {
			t.Errorf("%#v: %t, %v, %+v", answer, ok, err, c)
		}
	}
}

// A miscount is a Client that returns another number of replies than commands.
type miscount int

func (n miscount) Do(context.Context, string, ...[]string) ([]any, error) {
	replies := make([]any, n)
	for i := range replies {
		replies[i] = taken
	}
	return replies, nil
}

func TestAnotherNumberOfReplies(t *testing.T) {
	for _, n := range []int{0, 2, 100} {
		l := limits(t, miscount(n), nil)
		c, ok, err := debit(t, l, ten("a"))
		if err == nil || ok || c.Taken != 0 {
			t.Errorf("%d replies: %t, %v", n, ok, err)
		}
		c.Taken = 1
		if err := l.Refund(t.Context(), []ratelimit.Cell{c}); err == nil {
			t.Errorf("%d replies: Refund", n)
		}
		if err := l.Reset(t.Context(), []ratelimit.Cell{c}); err == nil {
			t.Errorf("%d replies: Reset", n)
		}
	}
	f := &fake{answer: says("OK")} // a proxy that answers DEL otherwise
	if err := limits(t, f, nil).Reset(t.Context(), []ratelimit.Cell{ten("a")}); err == nil {
		t.Error("a Reset that is answered with a text has no error")
	}
}

func FuzzAnswer(f *testing.F) {
	for _, answer := range append(strange, taken, refused) {
		f.Add(answer, false, int64(1), false)
		f.Add(answer+" 0 10 0 0 0 0", true, int64(1<<62), true)
	}
	f.Fuzz(func(t *testing.T, answer string, isError bool, cost int64, debt bool) {
		reply := any(answer)
		if isError {
			reply = errors.New(answer)
		}
		l := limits(t, &fake{answer: says(reply)}, nil)
		c := ten("a")
		c.Cost, c.Debt = max(0, cost), debt
		c, ok, err := debit(t, l, c)
		s := c.Standing
		switch {
		case isError && err == nil:
			t.Fatalf("an error is %t", ok)
		case err != nil && (ok || c.Taken != 0 || s != ratelimit.Standing{}):
			t.Fatalf("%v beside %t, %+v", err, ok, c)
		case err == nil && (s.Remaining < 0 || s.Remaining > 10 || s.Reset < 0 || s.Wait < 0 || s.Mark < 0 || c.Taken < 0 || c.Taken > c.Cost):
			t.Fatalf("%q is accepted: %+v", answer, c)
		case err == nil && (ok == s.Exceeded || s.Exceeded != (s.Wait > 0) || !ok && c.Taken != 0 || ok && !debt && c.Taken != c.Cost):
			t.Fatalf("%q is accepted, and contradicts itself: %t, %+v", answer, ok, c)
		}
	})
}
