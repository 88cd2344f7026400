package detect

// A mark is a value that was seen: 15 bits of its time, a bit that is set, and
// 16 bits of its hash. The hash is 0 if the mark was inherited.
const present = 0x8000

// expire removes the marks that are older than the window.
func (t *table) expire(marks []uint32, now uint32) {
	for k := len(marks) - 1; k >= 0; k-- {
		if marks[k] == 0 {
			continue
		}
		if age(marks[k], now) <= t.period {
			return
		}
		marks[k] = 0
	}
}

func mark(value uint64, now uint32) uint32 {
	return (now&0x7fff|present)<<16 | uint32(value)&0xffff
}

func age(mark, now uint32) uint32 { return (now - mark>>16) & 0x7fff }

// always is the value of a hit that is not the same as any other.
const always = 0

// meet puts a value to the front, and reports whether it was not there before.
func meet(marks []uint32, value uint64, now uint32) (first bool) {
	if value == always {
		push(marks, len(marks)-1, mark(1, now))
		return true
	}
	m := mark(max(value>>48, 1), now)
	for k, old := range marks {
		if old&0xffff == m&0xffff {
			push(marks, k, m)
			return false
		}
	}
	push(marks, len(marks)-1, m)
	return true
}

// push puts a mark to the front, and moves those before number k back.
func push(marks []uint32, k int, m uint32) {
	copy(marks[1:k+1], marks[:k])
	marks[0] = m
}

// live counts the marks, and those that were not inherited.
func live(marks []uint32) (count, own int) {
	for _, m := range marks {
		if m != 0 {
			count++
		}
		if m&0xffff != 0 {
			own++
		}
	}
	return count, own
}
