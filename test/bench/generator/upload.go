package main

import (
	"fmt"
	"net"
	"strconv"
	"sync/atomic"
	"time"
)

// stream sends the bytes [from, to) of a content as the body of one request.
func (w *wire) stream(method, path, headers string, c content, from, to int64) (answer, error) {
	head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/octet-stream\r\n%sContent-Length: %d\r\n\r\n",
		method, path, w.address, headers, to-from)
	if _, err := w.conn.Write([]byte(head)); err != nil {
		return answer{}, err
	}
	for offset := from; offset < to; {
		head, tail := c.part(offset, to-offset)
		offset += int64(len(head) + len(tail))
		parts := net.Buffers{head, tail}
		if _, err := parts.WriteTo(w.conn); err != nil {
			return answer{}, err
		}
	}
	return w.receive(false, nil)
}

// upload pushes blobs of a size, each in one PATCH or in many, and commits them.
func upload(j job) (result, error) {
	contents := make([]content, j.Count)
	digests := make([]string, j.Count)
	for i := range contents {
		contents[i] = content{size: j.Size, nonce: j.Nonce + uint64(i)}
		digests[i] = contents[i].digest()
	}
	chunk := j.Chunk
	if chunk == 0 {
		chunk = j.Size
	}
	base, headers := "/v2/"+j.Repository, joined(j.Headers)
	return run(j, func(w *wire, number int) (int64, error) {
		a, err := w.want(202, "POST", base+"/blobs/uploads/", headers, nil)
		if err != nil {
			return 0, err
		}
		for from := int64(0); from < j.Size; from += chunk {
			to := from + chunk
			if to > j.Size {
				to = j.Size
			}
			extra := headers
			if j.Chunk > 0 {
				extra += "Content-Range: " + strconv.FormatInt(from, 10) + "-" + strconv.FormatInt(to-1, 10) + "\r\n"
			}
			a, err = w.stream("PATCH", target(a.location, ""), extra, contents[number], from, to)
			if err == nil && a.status != 202 {
				err = fmt.Errorf("PATCH from %d answered %d", from, a.status)
			}
			if err != nil {
				return 0, err
			}
		}
		_, err = w.want(201, "PUT", target(a.location, digests[number]), headers, nil)
		if err != nil {
			return 0, err
		}
		h, err := w.want(200, "HEAD", base+"/blobs/"+digests[number], headers, nil)
		if err == nil && h.length != j.Size {
			err = fmt.Errorf("HEAD says length %d, not %d", h.length, j.Size)
		}
		return j.Size, err
	})
}

// dribble opens uploads that send a small piece now and then, all at the same time, until the time is over.
func dribble(j job) (result, error) {
	pieces := int(j.Seconds / j.Interval)
	total := int64(pieces * j.Piece)
	headers := joined(j.Headers)
	var started atomic.Int64
	work := func(w *wire, number int) (int64, error) {
		a, err := w.want(202, "POST", "/v2/"+j.Repository+"/blobs/uploads/", headers, nil)
		if err != nil {
			return 0, err
		}
		c := content{size: total, nonce: j.Nonce + uint64(number)}
		if _, err := fmt.Fprintf(w.conn, "PATCH %s HTTP/1.1\r\nHost: %s\r\n%sContent-Length: %d\r\n\r\n",
			target(a.location, ""), w.address, headers, total); err != nil {
			return 0, err
		}
		started.Add(1)
		for sent := int64(0); sent < total; {
			head, tail := c.part(sent, int64(j.Piece))
			parts := net.Buffers{head, tail}
			n, err := parts.WriteTo(w.conn)
			if err != nil {
				return 0, err
			}
			sent += n
			time.Sleep(time.Duration(j.Interval * float64(time.Second)))
		}
		a, err = w.receive(false, nil)
		if err == nil && a.status != 202 {
			err = fmt.Errorf("PATCH answered %d", a.status)
		}
		return total, err
	}
	j.Count = j.Connections
	r, err := run(j, work)
	r.Detail = started.Load()
	return r, err
}
