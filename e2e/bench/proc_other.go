//go:build !linux

package main

import (
	"errors"
	"os"
	"time"
)

// errAccounting: what processes used is read from Linux.
var errAccounting = errors.New("the benchmarks read CPU and memory of processes from Linux: run them there")

func processCPU(int) (time.Duration, error) { return 0, errAccounting }

func treeCPU(int) (time.Duration, error) { return 0, errAccounting }

func childrenOf(int) ([]int, error) { return nil, errAccounting }

func residentMemory(int) (now, peak int64, err error) { return 0, 0, errAccounting }

func dataSync(f *os.File) error { return f.Sync() }

type procStat struct{ parent int }

func statOf(int) (procStat, error) { return procStat{}, errAccounting }
