package redisstore

import (
	"time"

	"github.com/bulwark-go/bulwark/ratelimit"
)

// maxSpan is more microseconds than any quota takes to be restored.
const maxSpan = 1 << 48

// read fills in the cells from the answer of the script of Debit. It accepts
// only what the script can have answered.
func read(answer string, cells []ratelimit.Cell) (ok bool, fail *failure) {
	took, rest, fits := number(answer, 1)
	ok = took == 1
	exceeded := false
	for i := 0; i < len(cells) && fits; i++ {
		var n [6]int64 // exceeded, remaining, reset, wait, mark, taken
		c := &cells[i]
		limit, _ := quota(&c.Policy)
		for j, most := range [6]int64{1, limit, maxSpan, maxSpan, maxCount, min(c.Cost, 2*limit)} {
			if len(rest) == 0 || rest[0] != ' ' {
				return false, &failure{cause: causeReply}
			}
			if n[j], rest, fits = number(rest[1:], most); !fits {
				return false, &failure{cause: causeReply}
			}
		}
		exceeded = exceeded || n[0] == 1
		switch {
		case n[0] == 1 != (n[3] > 0), n[1] < limit != (n[2] > 0):
			return false, &failure{cause: causeReply}
		case ok && n[0] == 1, !ok && n[5] != 0, ok && !c.Debt && n[5] != c.Cost:
			return false, &failure{cause: causeReply}
		}
		c.Taken = n[5]
		c.Standing = ratelimit.Standing{
			Exceeded: n[0] == 1, Remaining: n[1], Reset: time.Duration(n[2]) * time.Microsecond,
			Wait: time.Duration(n[3]) * time.Microsecond, Mark: n[4],
		}
	}
	if !fits || rest != "" || ok == exceeded {
		return false, &failure{cause: causeReply}
	}
	return ok, nil
}

// number reads a number of digits at the beginning of s, from 0 to most.
func number(s string, most int64) (n int64, rest string, ok bool) {
	i := 0
	for ; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
		if n = n*10 + int64(s[i]-'0'); n > most {
			return 0, "", false
		}
	}
	return n, s[i:], i > 0
}
