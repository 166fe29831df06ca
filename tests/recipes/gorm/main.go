// Two requests look a tag up and create it: the log that GORM writes of it. usage: go run . DATABASE LOG
package main

import (
	"log"
	"os"
	"time"

	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

type GormTag struct {
	ID   uint
	Name string
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	database, path := os.Args[1], os.Args[2]

	// recipe: where the tests connect
	file, err := os.Create(path)
	must(err)
	sql := logger.New(log.New(file, "\r\n", log.LstdFlags|log.Lmicroseconds), logger.Config{LogLevel: logger.Info, SlowThreshold: time.Second})
	db, err := gorm.Open(postgres.Open(database), &gorm.Config{Logger: sql})
	// end
	must(err)

	must(db.AutoMigrate(&GormTag{}))
	for _, name := range []string{"blue", "green"} {
		var found []GormTag
		must(db.Where("name = ?", name).Limit(1).Find(&found).Error)
		if len(found) == 0 {
			must(db.Create(&GormTag{Name: name}).Error)
		}
	}
}
