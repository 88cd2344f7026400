package detect

// A mark is a value that was seen: 10 bits of its time, and 22 bits of its
// hash. The hash is 0 if the mark was inherited. The zero mark stands for no
// value.
//
// Two values of an actor count as one if their hashes are equal. With ten
// values this is so for one actor in 90,000. With 16 bits it would be one in
// 1,500, and an actor that stops at the threshold would not be reported.
type mark uint32

const (
	hashBits = 22
	hashMask = 1<<hashBits - 1
	ageMask  = 1<<(32-hashBits) - 1
	// coarse makes the ticks of a period fit: a period is 128 to 256 units. A
	// mark is never older than two periods when it is looked at, so its age
	// cannot have turned.
	coarse = 4
)

func newMark(value uint64, now uint32) mark {
	return mark(now>>coarse<<hashBits) | mark(max(value>>(64-hashBits), 1))
}

// hash is the part that tells values apart.
func (m mark) hash() uint32 { return uint32(m) & hashMask }

// inherited is the mark for an actor that has not seen the value. It is never
// zero, but rather a unit younger.
func (m mark) inherited() mark { return max(m&^hashMask, 1<<hashBits) }

// age is in units.
func (m mark) age(now uint32) uint32 { return (now>>coarse - uint32(m)>>hashBits) & ageMask }

// expire removes the marks that are older than the window.
func (t *table) expire(marks []mark, now uint32) {
	for k := len(marks) - 1; k >= 0; k-- {
		if marks[k] == 0 {
			continue
		}
		if marks[k].age(now) <= t.units {
			return
		}
		marks[k] = 0
	}
}

// always is the value of a hit that is not the same as any other.
const always = 0

// meet puts a value to the front, and reports whether it was not there before.
func meet(marks []mark, value uint64, now uint32) (first bool) {
	if value == always {
		push(marks, len(marks)-1, newMark(0, now))
		return true
	}
	m := newMark(value, now)
	for k, old := range marks {
		if old.hash() == m.hash() {
			push(marks, k, m)
			return false
		}
	}
	push(marks, len(marks)-1, m)
	return true
}

// push puts a mark to the front, and moves those before number k back.
func push(marks []mark, k int, m mark) {
	copy(marks[1:k+1], marks[:k])
	marks[0] = m
}

// live counts the marks, and those that were not inherited.
func live(marks []mark) (count, own int) {
	for _, m := range marks {
		if m != 0 {
			count++
		}
		if m.hash() != 0 {
			own++
		}
	}
	return count, own
}
