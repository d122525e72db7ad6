"""RocksDB's files: the memory that all partitions share, the options of one, and how what is deleted leaves the disk."""

from collections.abc import Iterable

from rocksdict import (
    BlockBasedOptions,
    BottommostLevelCompaction,
    Cache,
    CompactOptions,
    DataBlockIndexType,
    DBCompressionType,
    Options,
    Rdict,
    WriteBufferManager,
)

from stream_app.engine.stores.cache import StateCache

_WRITE_BUFFER_BYTES = 64 << 20
_MEMTABLE_BYTES = 16 << 20
_BLOCK_BYTES = 8 << 10
_BLOOM_BITS = 15
_FILES_TO_COMPACT, _FILES_TO_SLOW_DOWN, _FILES_TO_STOP = 16, 36, 52
_MEMTABLE_BLOOM = 0.1


class SharedMemory:
    """The write buffers that all partitions of a process share, and how files are written and read."""

    def __init__(self) -> None:
        # RocksDB wants a cache to account for them in; nothing else is in it.
        self._writes = WriteBufferManager.new_write_buffer_manager_with_cache(_WRITE_BUFFER_BYTES, False, Cache(_WRITE_BUFFER_BYTES))
        self._table = BlockBasedOptions()
        # Who comes again soon is in the cache of frames, and the files in the system's: a third would be looked into in vain.
        self._table.disable_cache()
        self._table.set_block_size(_BLOCK_BYTES)
        self._table.set_data_block_index_type(DataBlockIndexType.binary_and_hash())
        self._table.set_bloom_filter(_BLOOM_BITS, False)

    def held(self, caches: Iterable[StateCache]) -> dict[str, int]:
        """How many bytes the process holds in buffers, by buffer; `caches` are those of its partitions."""
        return {"states": sum(cache.used_bytes for cache in caches), "writes": self._writes.get_usage()}

    def options(self) -> Options:
        """The options of one partition's database."""
        options = Options(raw_mode=True)
        options.create_if_missing(True)
        options.set_block_based_table_factory(self._table)
        options.set_write_buffer_manager(self._writes)
        options.set_write_buffer_size(_MEMTABLE_BYTES)
        # Customers beyond the cache cost a read, a write and its compactions each: compressed, compacted at every fourth memtable and
        # searched for in every memtable, that is three times as much, for less disk (ARCHITECTURE.md, decision 54).
        options.set_compression_type(DBCompressionType.none())
        options.set_level_zero_file_num_compaction_trigger(_FILES_TO_COMPACT)
        options.set_level_zero_slowdown_writes_trigger(_FILES_TO_SLOW_DOWN)
        options.set_level_zero_stop_writes_trigger(_FILES_TO_STOP)
        options.set_memtable_prefix_bloom_ratio(_MEMTABLE_BLOOM)
        options.set_memtable_whole_key_filtering(True)
        options.set_max_background_jobs(2)
        options.set_keep_log_file_num(2)
        options.set_max_log_file_size(1 << 20)
        # A manifest names the first and the last key of every file there ever was; a new one with each change names only what is.
        options.set_max_manifest_file_size(1)
        return options


def rewrite(database: Rdict) -> None:
    """Write every file anew without what was deleted; RocksDB keeps that until it happens to compact the files that hold it."""
    options = CompactOptions()
    options.set_bottommost_level_compaction(BottommostLevelCompaction.force())
    database.flush()
    database.compact_range(None, None, options)
