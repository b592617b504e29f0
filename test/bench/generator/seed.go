package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// seed pushes what the read rows read: one blob of each size in Requests (its length and nonce), and a small image;
// or, for a static file server, writes the blobs as files.
func seed(j job) (result, error) {
	if j.Directory != "" {
		for _, r := range j.Requests {
			if err := file(filepath.Join(j.Directory, r.Path), content{size: r.Length, nonce: r.Nonce}); err != nil {
				return result{}, err
			}
		}
		return result{}, nil
	}
	w, err := dial(j.Address)
	if err != nil {
		return result{}, err
	}
	defer w.close()
	headers := joined(j.Headers)
	digests := []string{}
	for _, r := range j.Requests {
		c := content{size: r.Length, nonce: r.Nonce}
		digest := c.digest()
		a, err := w.want(202, "POST", "/v2/"+j.Repository+"/blobs/uploads/", headers, nil)
		if err != nil {
			return result{}, err
		}
		a, err = w.stream("PUT", target(a.location, digest), headers, c, 0, r.Length)
		if err == nil && a.status != 201 {
			err = fmt.Errorf("PUT answered %d", a.status)
		}
		if err != nil {
			return result{}, err
		}
		digests = append(digests, digest)
	}
	small := smallImage(j.Nonce, j.Size)
	if _, err := small.push(w, j.Repository, "single", headers); err != nil {
		return result{}, err
	}
	return result{Detail: map[string]any{
		"blobs": digests, "tag": small.tag, "manifest": string(small.manifest), "digest": digestOf(small.manifest),
	}}, nil
}

func file(path string, c content) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	defer out.Close()
	for offset := int64(0); offset < c.size; {
		head, tail := c.part(offset, block)
		offset += int64(len(head) + len(tail))
		if _, err := out.Write(head); err != nil {
			return err
		}
		if _, err := out.Write(tail); err != nil {
			return err
		}
	}
	return nil
}
