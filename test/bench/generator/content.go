package main

import (
	"bytes"
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"encoding/hex"
	"math/rand"
)

const block = 1 << 20

// content is a body of any size that costs one MiB: the same random block again and again, each stamped with its
// number, the last one with the nonce as well, so that no two contents share a digest.
type content struct {
	size  int64
	nonce uint64
}

var noise = func() []byte {
	bytes := make([]byte, block)
	random := rand.New(rand.NewSource(1))
	for i := 0; i < block; i += 8 {
		binary.LittleEndian.PutUint64(bytes[i:], random.Uint64())
	}
	return bytes
}()

func (c content) stamp(number int64) [16]byte {
	var stamp [16]byte
	binary.BigEndian.PutUint64(stamp[:8], uint64(number))
	if number == (c.size-1)/block {
		binary.BigEndian.PutUint64(stamp[8:], c.nonce)
	}
	return stamp
}

// part returns the bytes from offset on, as far as one block reaches, in at most two slices.
func (c content) part(offset, limit int64) (head, tail []byte) {
	number, inside := offset/block, offset%block
	end := inside + limit
	if end > block {
		end = block
	}
	if rest := c.size - number*block; end > rest {
		end = rest
	}
	if inside < 16 {
		stamp := c.stamp(number)
		cut := end
		if cut > 16 {
			cut = 16
		}
		head = stamp[inside:cut]
		inside = cut
	}
	return head, noise[inside:end]
}

func (c content) matches(offset int64, got []byte) bool {
	for len(got) > 0 {
		head, tail := c.part(offset, int64(len(got)))
		n := len(head) + len(tail)
		if n == 0 || !bytes.Equal(got[:len(head)], head) || !bytes.Equal(got[len(head):n], tail) {
			return false
		}
		got = got[n:]
		offset += int64(n)
	}
	return true
}

func (c content) bytes() []byte {
	all := make([]byte, 0, c.size)
	for int64(len(all)) < c.size {
		head, tail := c.part(int64(len(all)), c.size)
		all = append(append(all, head...), tail...)
	}
	return all
}

var prefixes = map[int64][]byte{}

// digest hashes what many contents have in common once.
func (c content) digest() string {
	hash := sha256.New()
	last := (c.size - 1) / block * block
	if state, known := prefixes[last]; known {
		_ = hash.(encoding.BinaryUnmarshaler).UnmarshalBinary(state)
	} else {
		for offset := int64(0); offset < last; offset += block {
			head, tail := c.part(offset, block)
			hash.Write(head)
			hash.Write(tail)
		}
		state, _ := hash.(encoding.BinaryMarshaler).MarshalBinary()
		prefixes[last] = state
	}
	head, tail := c.part(last, block)
	hash.Write(head)
	hash.Write(tail)
	return "sha256:" + hex.EncodeToString(hash.Sum(nil))
}

func digestOf(body []byte) string {
	sum := sha256.Sum256(body)
	return "sha256:" + hex.EncodeToString(sum[:])
}
