package trail

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A Checkpoint says what a log held when the checkpoint was made: the number of
// its lines and the root of their hash tree, signed.
type Checkpoint struct {
	// Size is the number of lines before the checkpoint.
	Size int64
	// Root is the root of the hash tree over these lines (RFC 6962 section
	// 2.1).
	Root [sha256.Size]byte
	// Note is the signed text, as the note format of C2SP describes it: origin,
	// size and root on three lines, an empty line, and the signature. Keep it
	// on another machine than the log.
	Note string
}

// algorithm is Ed25519 in the key ids of signed notes (C2SP signed-note).
const algorithm = 1

// keyID is the number by which a signature names its key (C2SP signed-note).
func keyID(origin string, public ed25519.PublicKey) uint32 {
	h := sha256.New()
	h.Write([]byte(origin))
	h.Write([]byte{'\n', algorithm})
	h.Write(public)
	return binary.BigEndian.Uint32(h.Sum(nil))
}

// VerifierKey returns the text by which a key is known to [NewVerifier] and to
// other readers of signed notes: the origin, the id of the key and the key. It
// is public.
func VerifierKey(origin string, public ed25519.PublicKey) string {
	return fmt.Sprintf("%s+%08x+%s", origin, keyID(origin, public), base64Of(append([]byte{algorithm}, public...)))
}

// noteBody is the text that is signed.
func noteBody(origin string, size int64, root sum) string {
	return origin + "\n" + strconv.FormatInt(size, 10) + "\n" + base64Of(root[:]) + "\n"
}

// sign makes the checkpoint of a tree.
func sign(origin string, signer crypto.Signer, t *tree) (Checkpoint, error) {
	root := t.root()
	body := noteBody(origin, t.size, root)
	signature, err := signer.Sign(rand.Reader, []byte(body), crypto.Hash(0))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("trail: sign the checkpoint: %w", err)
	}
	public, _ := signer.Public().(ed25519.PublicKey)
	if !ed25519.Verify(public, []byte(body), signature) {
		return Checkpoint{}, errors.New("trail: the Signer made a signature that its own key does not verify")
	}
	named := binary.BigEndian.AppendUint32(nil, keyID(origin, public))
	note := body + "\n— " + origin + " " + base64Of(append(named, signature...)) + "\n"
	return Checkpoint{t.size, root, note}, nil
}

// A Verifier checks checkpoints by a public key. It is made by [NewVerifier],
// and safe for concurrent use.
type Verifier struct {
	origin string
	id     uint32
	public ed25519.PublicKey
}

// NewVerifier returns the verifier for a key as [VerifierKey] writes it.
func NewVerifier(key string) (*Verifier, error) {
	wrong := func(what string) (*Verifier, error) {
		return nil, fmt.Errorf("trail: the key %s; write it as VerifierKey does: origin+id+key", what)
	}
	parts := strings.SplitN(key, "+", 3)
	if len(parts) != 3 {
		return wrong("does not have three parts")
	}
	if originFault(parts[0]) != "" {
		return wrong("has an origin that no trail has")
	}
	raw, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(raw) != 1+ed25519.PublicKeySize || raw[0] != algorithm {
		return wrong("is not an Ed25519 key in base64")
	}
	v := &Verifier{origin: parts[0], public: raw[1:]}
	v.id = keyID(v.origin, v.public)
	if parts[1] != fmt.Sprintf("%08x", v.id) {
		return wrong("has an id that does not belong to it")
	}
	return v, nil
}

// Open verifies a note, such as one that was kept elsewhere, and returns its
// checkpoint.
func (v *Verifier) Open(note string) (Checkpoint, error) {
	fail := func(what string) (Checkpoint, error) {
		return Checkpoint{}, errors.New("trail: the checkpoint " + what)
	}
	if v == nil || v.public == nil {
		return fail("cannot be verified: the Verifier was made without NewVerifier")
	}
	body, signatures, found := strings.Cut(note, "\n\n")
	if !found {
		return fail("has no signature")
	}
	lines := strings.Split(body, "\n")
	if len(lines) != 3 || lines[0] != v.origin {
		return fail("is of another origin")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || lines[1] != strconv.FormatInt(size, 10) {
		return fail("has no size")
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != sha256.Size {
		return fail("has no root")
	}
	for line := range strings.Lines(signatures) {
		encoded, ours := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "— "+v.origin+" ")
		if !ours {
			continue // that of a witness
		}
		raw, err := base64.StdEncoding.Strict().DecodeString(encoded)
		if err != nil || len(raw) != 4+ed25519.SignatureSize || binary.BigEndian.Uint32(raw) != v.id {
			continue
		}
		if ed25519.Verify(v.public, []byte(body+"\n"), raw[4:]) {
			return Checkpoint{size, sum(root), note}, nil
		}
	}
	return fail("is not signed by this key")
}

// A mark is a checkpoint as it stands in the log, on a line of its own.
type mark struct {
	Trail string `json:"trail"`
	Note  string `json:"note"`
	// Frontier are the roots of the complete subtrees, so that a reader can go
	// on from here. They are true if they hash to the root.
	Frontier [][]byte `json:"frontier"`
	// Sums are the first bytes of the hashes of the lines since the checkpoint
	// before, so that a reader can tell which line was changed. Nothing relies
	// on them.
	Sums []byte `json:"sums"`
}

const (
	markPrefix = `{"trail":"checkpoint",`
	markName   = "checkpoint"
	noteLines  = 5 // of a note in a log: three of text, an empty one, a signature
	sumBytes   = 4 // of each hash in Sums
	maxSums    = 2 * maxUnsigned * sumBytes
)

// isMark reports whether a line begins like a checkpoint.
func isMark(line []byte) bool { return bytes.HasPrefix(line, []byte(markPrefix)) }

// markLine writes a checkpoint as a line.
func markLine(c Checkpoint, t *tree, sums []byte) ([]byte, error) {
	m := mark{Trail: markName, Note: c.Note, Frontier: make([][]byte, t.height), Sums: sums}
	for i := range m.Frontier {
		m.Frontier[i] = t.frontier[i][:]
	}
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(m); err != nil {
		return nil, err
	}
	return line.Bytes(), nil
}

// readMark verifies the checkpoint on a line and returns it with the tree that
// it stands for.
func (v *Verifier) readMark(line []byte) (c Checkpoint, t tree, sums []byte, err error) {
	var m mark
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&m); err != nil || m.Trail != markName {
		return c, t, nil, errors.New("trail: the line is not a checkpoint")
	}
	if c, err = v.Open(m.Note); err != nil {
		return c, t, nil, err
	}
	if strings.Count(m.Note, "\n") != noteLines || !strings.HasSuffix(m.Note, "\n") {
		return c, t, nil, errors.New("trail: the checkpoint has more than its one signature")
	}
	frontier := make([]sum, len(m.Frontier))
	for i, part := range m.Frontier {
		if len(part) != sha256.Size {
			return c, t, nil, errors.New("trail: the checkpoint has a frontier that does not belong to it")
		}
		frontier[i] = sum(part)
	}
	t, ok := treeOf(c.Size, frontier)
	if !ok || t.root() != c.Root {
		return c, t, nil, errors.New("trail: the checkpoint has a frontier that does not belong to it")
	}
	return c, t, m.Sums, nil
}
