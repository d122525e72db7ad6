// W1 on Kafka Streams: a processor over a cached RocksDB store with a changelog.
// Started as BROKER INPUT OUTPUT GROUP FOLDER GUARANTEE THREADS COMMIT_INTERVAL_MS; runs until SIGTERM, then closes cleanly.

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

public final class KafkaStreamsW1 {
    static final long B_FROM = 40_000, A_FROM = 100_000;
    static final String STORE = "customers";

    @JsonIgnoreProperties(ignoreUnknown = true)
    public static final class Order {
        public long amount_minor;
    }

    static final class Fold implements Processor<byte[], byte[], byte[], byte[]> {
        private final ObjectReader reader = new ObjectMapper().readerFor(Order.class);
        private ProcessorContext<byte[], byte[]> context;
        private KeyValueStore<byte[], byte[]> states;

        @Override
        public void init(ProcessorContext<byte[], byte[]> context) {
            this.context = context;
            this.states = context.getStateStore(STORE);
        }

        @Override
        public void process(Record<byte[], byte[]> record) {
            try {
                Order order = reader.readValue(record.value());
                byte[] stored = states.get(record.key());
                long count = 1, sum = order.amount_minor;
                char before = 0;
                if (stored != null) {
                    ByteBuffer state = ByteBuffer.wrap(stored);
                    count += state.getLong();
                    sum += state.getLong();
                    before = (char) state.get();
                }
                char after = sum >= A_FROM ? 'A' : sum >= B_FROM ? 'B' : 'C';
                states.put(record.key(), ByteBuffer.allocate(17).putLong(count).putLong(sum).put((byte) after).array());
                if (after != before) {
                    String customer = new String(record.key(), StandardCharsets.UTF_8);
                    String from = before == 0 ? "null" : "\"" + before + "\"";
                    String change = "{\"customer_id\":\"" + customer + "\",\"from\":" + from + ",\"to\":\"" + after
                        + "\",\"count\":" + count + ",\"sum_minor\":" + sum + "}";
                    context.forward(record.withValue(change.getBytes(StandardCharsets.UTF_8)));
                }
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
        }
    }

    public static void main(String[] given) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, given[0]);
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, given[3]);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, given[4]);
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, given[5]);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, given[6]);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, given[7]);
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, "1");
        settings.put("auto.offset.reset", "earliest");
        StreamsBuilder builder = new StreamsBuilder();
        builder.addStateStore(
            Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(STORE), Serdes.ByteArray(), Serdes.ByteArray()).withCachingEnabled());
        builder.stream(given[1], Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
            .process(Fold::new, STORE)
            .to(given[2], Produced.with(Serdes.ByteArray(), Serdes.ByteArray()));
        KafkaStreams streams = new KafkaStreams(builder.build(), settings);
        Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
        streams.start();
    }
}
