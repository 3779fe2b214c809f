// SPDX-License-Identifier: Apache-2.0

// Decodes binlog files with go-mysql and counts their rows; every value is decoded, nothing is printed.
package main

import (
	"fmt"
	"os"

	"github.com/go-mysql-org/go-mysql/replication"
)

func main() {
	rows := 0
	parser := replication.NewBinlogParser()
	parser.SetVerifyChecksum(true)
	for _, file := range os.Args[1:] {
		err := parser.ParseFile(file, 0, func(event *replication.BinlogEvent) error {
			count(event, &rows)
			return nil
		})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	fmt.Printf("{\"rows\":%d}\n", rows)
}

func count(event *replication.BinlogEvent, rows *int) {
	switch e := event.Event.(type) {
	case *replication.RowsEvent:
		if e.Type() == replication.EnumRowsEventTypeUpdate {
			*rows += len(e.Rows) / 2
		} else {
			*rows += len(e.Rows)
		}
	case *replication.TransactionPayloadEvent:
		for _, inner := range e.Events {
			count(inner, rows)
		}
	}
}
