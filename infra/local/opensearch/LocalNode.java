import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import org.opensearch.common.settings.Setting;
import org.opensearch.common.settings.Settings;
import org.opensearch.core.common.transport.TransportAddress;
import org.opensearch.env.Environment;
import org.opensearch.http.HttpServerTransport;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.painless.PainlessPlugin;
import org.opensearch.plugins.ExtensiblePlugin;
import org.opensearch.plugins.Plugin;
import org.opensearch.plugins.ScriptPlugin;
import org.opensearch.script.ScriptContext;
import org.opensearch.script.ScriptEngine;

/**
 * One real OpenSearch node with the k-NN plugin, on 127.0.0.1 only.
 *   java -cp 'JARS/*' LocalNode HOME_DIR [HTTP_PORT, 0 = any free one]
 * When it answers, stdout says "READY http://127.0.0.1:PORT". It exits when stdin reaches its end, so that it never
 * outlives the process that started it. -Dos.set.NAME=VALUE overrides any node setting.
 */
public class LocalNode extends Node {
  /** lang-painless, given the script functions that the k-NN jar registers in META-INF/services. */
  public static class Painless extends Plugin implements ScriptPlugin {
    private final PainlessPlugin painless = new PainlessPlugin();
    public Painless() {
      painless.loadExtensions(new ExtensiblePlugin.ExtensionLoader() {
        @Override public <T> List<T> loadExtensions(Class<T> type) {
          List<T> found = new ArrayList<>();
          ServiceLoader.load(type, PainlessPlugin.class.getClassLoader()).forEach(found::add);
          return found;
        }
      });
    }
    @Override public ScriptEngine getScriptEngine(Settings s, Collection<ScriptContext<?>> c) { return painless.getScriptEngine(s, c); }
    @Override public List<ScriptContext<?>> getContexts() { return painless.getContexts(); }
    @Override public List<Setting<?>> getSettings() { return painless.getSettings(); }
  }

  LocalNode(Environment env, Collection<Class<? extends Plugin>> plugins) { super(env, plugins, true); }

  public static void main(String[] args) throws Exception {
    // Like the stock server: an Error that nothing caught (a faiss field's missing native library) ends the process.
    // Without this, the request that caused it would hang.
    Thread.setDefaultUncaughtExceptionHandler((t, e) -> {
      e.printStackTrace();
      if (e instanceof Error) Runtime.getRuntime().halt(1);
    });
    Path home = Path.of(args[0]).toAbsolutePath();
    for (String d : new String[] {"config", "data", "logs"}) Files.createDirectories(home.resolve(d));
    Settings.Builder s = Settings.builder()
        .put("path.home", home.toString())
        .put("path.data", home.resolve("data").toString())
        .put("path.logs", home.resolve("logs").toString())
        .put("cluster.name", "local").put("node.name", "local")
        .put("discovery.type", "single-node")
        .put("network.host", "127.0.0.1")
        .put("http.port", args.length > 1 ? args[1] : "0")
        .put("transport.port", "0")
        .put("cluster.routing.allocation.disk.threshold_enabled", false);
    System.getProperties().forEach((k, v) -> {
      if (k.toString().startsWith("os.set.")) s.put(k.toString().substring(7), v.toString());
    });
    List<Class<? extends Plugin>> plugins = List.of(
        org.opensearch.transport.Netty4Plugin.class, Painless.class, org.opensearch.knn.plugin.KNNPlugin.class);
    Environment env = InternalSettingsPreparer.prepareEnvironment(s.build(), Map.of(), null, () -> "local");
    LocalNode node = new LocalNode(env, plugins);
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      try { node.close(); } catch (Exception e) { e.printStackTrace(); }
    }));
    node.start();
    TransportAddress a = node.injector().getInstance(HttpServerTransport.class).boundAddress().publishAddress();
    String at = a.getAddress() + ":" + a.getPort();
    System.out.println("READY http://" + at);
    System.out.flush();
    while (System.in.read() >= 0) { }
    System.exit(0);
  }
}
