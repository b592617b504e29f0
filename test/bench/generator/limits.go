package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// limits says what the machine itself can do, so that a figure can be held against it.
func limits(j job) (result, error) {
	begin := time.Now()
	hash := sha256.New()
	for i := 0; i < 512; i++ {
		hash.Write(noise)
	}
	shaPerSecond := 512 * block / time.Since(begin).Seconds()
	const files = 200
	begin = time.Now()
	for i := 0; i < files; i++ {
		if err := written(filepath.Join(j.Directory, fmt.Sprintf("small-%d", i)), 1, 100); err != nil {
			return result{}, err
		}
	}
	small := time.Since(begin).Seconds() / files
	begin = time.Now()
	if err := written(filepath.Join(j.Directory, "large"), 512, block); err != nil {
		return result{}, err
	}
	large := 512 * block / time.Since(begin).Seconds()
	return result{Detail: map[string]float64{
		"sha256BytesPerSecond": shaPerSecond, "smallFileSeconds": small, "writeBytesPerSecond": large,
	}}, nil
}

func written(path string, times, size int) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer os.Remove(path)
	defer file.Close()
	for i := 0; i < times; i++ {
		if _, err := file.Write(noise[:size]); err != nil {
			return err
		}
	}
	return file.Sync()
}
